# SPDX-License-Identifier: Apache-2.0
# Installed under the names by which systemd-sysusers and systemd-tmpfiles find them.
EXTRA_DIST += %D%/bootyard-sysusers.conf %D%/bootyard-tmpfiles.conf %D%/README.md

install-data-local: install-var-files
install-var-files:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir)
	$(INSTALL_DATA) $(srcdir)/%D%/bootyard-sysusers.conf $(DESTDIR)$(sysusersdir)/bootyard.conf
	$(INSTALL_DATA) $(srcdir)/%D%/bootyard-tmpfiles.conf $(DESTDIR)$(tmpfilesdir)/bootyard.conf
uninstall-local: uninstall-var-files
uninstall-var-files:
	rm -f $(DESTDIR)$(sysusersdir)/bootyard.conf $(DESTDIR)$(tmpfilesdir)/bootyard.conf
.PHONY: install-var-files uninstall-var-files
