#!/bin/sh
# Builds the Debian package of all four commands with cargo-deb (`cargo install cargo-deb --locked`), and prints its path.
# With --no-build, from the release programs that are in the target folder already.
set -eu
cd "$(dirname "$0")/../../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
pages=tuning/packaging/debian/generated
if [ "${1:-}" != --no-build ]; then
    cargo build --release --locked --workspace --bins
fi
rm -rf "$pages"
mkdir -p "$pages/man" "$pages/bash" "$pages/zsh" "$pages/fish"
for name in authority wallet bench tune; do
    command=quittance-$name
    "$target/release/$command" man --out "$pages/man"
    "$target/release/$command" completions bash >"$pages/bash/$command"
    "$target/release/$command" completions zsh >"$pages/zsh/_$command"
    "$target/release/$command" completions fish >"$pages/fish/$command.fish"
done
cargo deb --no-build -p quittance-tuning
