//! What the person's configuration comes to for the daemon: what there is to use, and who thinks.

use genoa_abi::Failure;
use genoa_abi::installation::Installation;
use genoa_daemon::{Configured, Home, Thinking};

use crate::installed;
use crate::models;
use crate::providers;
use crate::rule_files;
use crate::servers::known;
use crate::settings::Settings;

/// Reads the configuration of `home` as it stands now. Starts nothing: servers offer what they said when they were asked
/// last.
pub(crate) fn configured(home: &Home) -> Result<Configured, Failure> {
    let settings = Settings::load(home)?;
    let offered = installed::of(&settings, &known(home, &settings))?;
    let chosen = models::chosen(&settings).to_owned();
    let stated = providers::models(&settings, &chosen);
    let installation = Installation { policy: rule_files::texts(home), models: stated, ..offered };
    let thinking =
        Thinking { chosen, models: models::sources(home, &settings), agent_options: settings.agent_options() };
    let mut watched = models::watched(home, &settings);
    watched.extend(rule_files::watched(home));
    Ok(Configured { installation, thinking, watched })
}
