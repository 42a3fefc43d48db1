//! `bibliotique descriptors`: what there is over gRPC, for tools that ask no running server.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use shared::file::directory_of;
use tempfile::NamedTempFile;

use crate::cli::DescriptorsArgs;

/// `bibliotique descriptors …`.
///
/// # Errors
/// A sentence on what is in the way. A file appears whole or not at all.
pub fn write(args: &DescriptorsArgs) -> anyhow::Result<()> {
    match &args.output {
        Some(path) => into_file(path),
        None if io::stdout().is_terminal() => {
            bail!("the descriptors are binary: give --output FILE, or send the standard output somewhere")
        }
        None => {
            let mut output = io::stdout().lock();
            output.write_all(proto::DESCRIPTORS).and_then(|()| output.flush()).context("cannot be written")
        }
    }
}

fn into_file(path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written", path.display());
    let mut draft = NamedTempFile::new_in(directory_of(path)).with_context(cannot)?;
    draft.write_all(proto::DESCRIPTORS).with_context(cannot)?;
    draft.persist(path).with_context(cannot)?;
    Ok(())
}
