//! The user that runs a private cluster: PostgreSQL refuses to be root.

use std::fs;
use std::os::unix::fs::MetadataExt;

const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The ids of a user of this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Somebody else when we are root; nothing when we can run it ourselves.
pub(crate) fn instead_of_root() -> Option<Account> {
    if !we_are_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd can be read");
    let account = CANDIDATES.iter().find_map(|name| find(&users, name));
    assert!(account.is_some(), "PostgreSQL refuses to run as root, and this machine has no user postgres or nobody");
    account
}

/// A new file belongs to our effective user, which std does not tell otherwise.
fn we_are_root() -> bool {
    let file = tempfile::tempfile().expect("a temporary file");
    file.metadata().expect("its metadata").uid() == 0
}

/// A line of passwd(5): name, password, uid, gid, and more.
fn find(users: &str, name: &str) -> Option<Account> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut ids = line.split(':').skip(2);
    Some(Account { uid: ids.next()?.parse().ok()?, gid: ids.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let users = "postgres2:x:7:8::/:\npostgres:x:101:104:PostgreSQL:/var/lib:/bin/sh\n";
        assert_eq!(find(users, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find(users, "nobody"), None);
    }
}
