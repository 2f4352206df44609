//! A second server on this machine: a gateway of another home, with a daemon and the small model of the tests behind it.

use std::path::PathBuf;

use crate::gateway::Gateway;
use crate::world::World;

/// A world whose model is that of another home's gateway.
pub(crate) struct Far {
    pub(crate) near: World,
    pub(crate) server: Gateway,
    key_file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Far {
    pub(crate) fn new(more: &str) -> Self {
        let (near, server, folder) = (World::new(), Gateway::of_small_model(), tempfile::tempdir().unwrap());
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, &server.token).unwrap();
        let far = Self { near, server, key_file, _folder: folder };
        far.state(more);
        far.near.ok(&["model", "use", "far/smollm2-135m", "--yes"]);
        far
    }

    /// Writes the configuration anew, with these lines about the provider; what stands after them is of other sections.
    pub(crate) fn state(&self, more: &str) {
        self.near.configure(&format!("[model]\nname = \"far/smollm2-135m\"\n{}", self.section(more)));
    }

    /// The section of the configuration for the provider, with more lines.
    pub(crate) fn section(&self, more: &str) -> String {
        let (address, key_file) = (&self.server.address, self.key_file.display());
        format!("[providers.far]\nurl = \"http://{address}/v1\"\nkey_file = \"{key_file}\"\n{more}")
    }

    /// All that the other home's record tells.
    pub(crate) fn received(&self) -> String {
        // Records stand in the lines of an export as text.
        self.server.world.ok(&["journal", "export"]).replace('\\', "")
    }

    /// How many calls the other home's model was asked.
    pub(crate) fn arrived(&self) -> usize {
        self.received().matches("\"kind\":\"infer\"").count()
    }
}
