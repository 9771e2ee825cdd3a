//! What a page says is the same on the command line: it is run as it stands.

use std::process::{Command, Stdio};

use keyledger_tests::server::binary;

use super::*;

/// The line of a page, as a reader copies it.
fn line(page: &str) -> String {
    let after = page.split_once("On the command line:").unwrap_or_else(|| panic!("{page}")).1;
    let line = after.split_once("<code>").unwrap().1.split("</code>").next().unwrap();
    let written = [("&#39;", "'"), ("&#34;", "\""), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    written.iter().fold(line.to_owned(), |line, (escaped, plain)| line.replace(escaped, plain))
}

/// What it prints, typed into a shell by the administrator.
pub fn typed(world: &World, line: &str) -> String {
    let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env_clear().env("PATH", path).env("HOME", &world.data).stdin(Stdio::null());
    let ended = shell
        .env("KEYLEDGER_URL", world.server.url())
        .env("KEYLEDGER_KEY", &world.made.key)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{line}\n{out}\n{err}");
    out.into_owned()
}

#[test]
fn a_page_of_the_past_says_the_moment_as_the_command_line_takes_it() {
    let world = World::new();
    // The forms of a moment have whole seconds: one must have passed since the first event.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let browser = world.signed_in(&world.made.key);
    let now = browser.page("/ui/time");
    let now = attributes(&now, "value").into_iter().find(|value| value.len() == 23).unwrap();
    let second = &now[..19];
    for moment in
        [second.to_owned(), second.replace('T', "%20"), format!("{second}.5%2B00:00"), "3".to_owned()]
    {
        for page in ["ui/keys", "ui/events", "ui/members", "ui/accounts", "ui/refusals"] {
            let shown = browser.get(&format!("/{page}?as_of={moment}"));
            // Half a second later may be after now.
            if shown.status == 422 && moment.contains(".5") {
                continue;
            }
            let line = line(&shown.text);
            assert!(line.contains(" --as-of "), "{line}");
            typed(&world, &line);
        }
    }
    let spaced = second.replace('T', "%20");
    let compared = line(&browser.page(&format!("/ui/time?as_of=1&to={spaced}")));
    assert_eq!(compared, format!("keyledger diff 1 {second}.000Z"));
    typed(&world, &compared);
    let compared = line(&browser.page(&format!("/ui/time?as_of={spaced}&to=now")));
    assert_eq!(compared, format!("keyledger diff {second}.000Z"));
    typed(&world, &compared);
}

#[test]
fn a_line_lists_what_the_page_lists() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (living, _) = world.key(&account, "it's $(alive)");
    let (dead, _) = world.key(&account, "over");
    world.admin().mutate("delete_api_key", &json!({"key_id": dead}), "success").unwrap();
    let (grace, _) = world.member("grace@example.com", "member");
    let browser = world.signed_in(&world.made.key);
    let lists = |path: &str, with: &[&str], without: &[&str]| {
        let page = browser.page(path);
        let line = line(&page);
        let out = typed(&world, &line);
        for text in with {
            assert!(out.contains(text), "{path}: {line} tells nothing of {text}:\n{out}");
        }
        for text in without {
            assert!(!out.contains(text), "{path}: {line} tells of {text}:\n{out}");
        }
    };
    let (living, dead, own) = (living.as_str(), dead.as_str(), world.made.key_id.as_str());
    lists("/ui/keys", &[living, own], &[dead]);
    lists("/ui/keys?state=dead", &[dead], &[living, own]);
    lists("/ui/keys?state=disabled", &[], &[living, dead, own]);
    lists(&format!("/ui/keys?owner={account}"), &[living], &[dead, own]);
    lists("/ui/keys?q=it%27s+%24(alive)", &[living], &[dead, own]);
    lists("/ui/events", &["KeyCreated", "MemberAdded"], &[]);
    lists("/ui/events?kind=people", &["MemberAdded"], &["KeyCreated"]);
    lists(&format!("/ui/events?kind=keys&key={dead}"), &["KeyRevoked"], &["alive", "MemberAdded"]);
    lists(&format!("/ui/events?account={account}"), &["ServiceAccountCreated"], &["MemberAdded"]);
    lists(&format!("/ui/events?user={grace}"), &["MemberAdded"], &["ServiceAccountCreated"]);
    let head = text(&world.position());
    lists(&format!("/ui/events?at={head}"), &[&head], &["ServiceAccountCreated"]);
}

#[test]
fn the_line_that_erases_a_tenant_names_it_as_a_whole() {
    let world = World::new();
    let input = json!({"slug": "globex", "administrator_email": "ada@example.com"});
    let other = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    world.admin().mutate("remove_tenant", &json!({"tenant_id": other}), "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    let line = line(&browser.page(&format!("/ui/deployment/tenants/{other}/erase")));
    assert_eq!(line, format!("keyledger erase --whole-tenant {other}"));
    typed(&world, &format!("{line} --dry-run"));
}
