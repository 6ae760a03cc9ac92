//! `generate`: a new authority.

use crate::fault::Fault;
use crate::options::GenerateOptions;
use crate::private_file::{PrivateFile, check_processes};
use std::fs::OpenOptions;
use std::io::Write;
use zeroize::Zeroizing;

/// Draws a key, writes the private file, and prints the committee file's table.
pub(crate) fn generate(options: &GenerateOptions) -> Result<(), Fault> {
    let GenerateOptions { host, port, shards, processes, out, committee } = options;
    if port.checked_add(shards - 1).is_none() {
        return Err(Fault::Option(format!("{shards} shards from port {port} run past 65535; choose a lower --port")));
    }
    check_processes(processes, *shards).map_err(|fault| Fault::Option(format!("--process: {fault}")))?;
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(Fault::Random)?;
    let private = PrivateFile::new(&seed, *host, *port, *shards, processes.clone());
    private.write(out)?;
    let table = private.member_entry().to_table();
    if let Some(path) = committee {
        let fault = |source| Fault::File { path: path.clone(), source, remedy: "; append the printed table by hand" };
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| writeln!(file, "{table}")).map_err(fault)?;
    }
    println!("{table}");
    Ok(())
}
