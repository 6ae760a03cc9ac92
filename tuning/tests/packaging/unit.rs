//! Unit files as systemd reads them (systemd.syntax(7)): sections, settings, continued lines.

/// A setting in its section.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) section: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

pub(crate) struct Unit(pub(crate) Vec<Setting>);

impl Unit {
    /// # Panics
    /// With the line that cannot be read.
    pub(crate) fn parse(text: &str) -> Self {
        let mut settings = Vec::new();
        let mut section = None;
        for line in joined(text) {
            if let Some(name) = line.strip_prefix('[') {
                section = Some(name.strip_suffix(']').unwrap_or_else(|| panic!("no end: {line}")).to_owned());
                continue;
            }
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
            assert!(name.chars().all(|letter| letter.is_ascii_alphanumeric()), "no name: {line}");
            let section = section.clone().unwrap_or_else(|| panic!("before any section: {line}"));
            settings.push(Setting { section, name: name.to_owned(), value: value.to_owned() });
        }
        Self(settings)
    }

    /// The values of a setting, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|setting| setting.name == name).map(|setting| setting.value.as_str()).collect()
    }

    /// The value of a setting that is there once.
    pub(crate) fn one(&self, name: &str) -> &str {
        let [value] = self.all(name)[..] else { panic!("{name} is there {} times", self.all(name).len()) };
        value
    }
}

/// Lines without comments and blank ones; those that end in a backslash with what follows them.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        let (part, continues) = line.strip_suffix('\\').map_or((line, false), |part| (part.trim_end(), true));
        match lines.last_mut() {
            Some(last) if goes_on => *last += &format!(" {part}"),
            _ => lines.push(part.to_owned()),
        }
        goes_on = continues;
    }
    lines
}

#[test]
fn continued_lines_comments_and_repeated_settings_are_read_as_systemd_does() {
    let unit = Unit::parse("# x\n[Service]\nExecStart=/bin/a \\\n  --b \\\n\n  # c\n  --d\nF=1\nF=\n");
    assert_eq!(unit.one("ExecStart"), "/bin/a --b --d");
    assert_eq!(unit.all("F"), ["1", ""]);
    assert!(unit.0.iter().all(|setting| setting.section == "Service"));
}

#[test]
fn what_is_no_setting_is_not_passed_over() {
    for text in ["[Service\n", "A=1\n", "[S]\nrubbish\n", "[S]\nExec Start=1\n"] {
        assert!(std::panic::catch_unwind(|| Unit::parse(text)).is_err(), "{text}");
    }
}
