# SPDX-License-Identifier: Apache-2.0
# Units are made at build time, so that `make prefix=...` and --prefix are in them.
yard_units_in = \
	%D%/apid.service.in \
	%D%/bootd.service.in \
	%D%/bootyard-renew.service.in \
	%D%/bootyard-setup.service.in \
	%D%/imaged.service.in \
	%D%/redfishd.service.in \
	%D%/statusd.service.in
yard_units = $(yard_units_in:.service.in=.service)
yardstatedir = /var/lib/bootyard

systemdsystemunitdir = @systemdsystemunitdir@
nodist_systemdsystemunit_DATA += $(yard_units)
dist_systemdsystemunit_DATA = %D%/bootyard.target %D%/bootyard-renew.timer
EXTRA_DIST += $(yard_units_in) %D%/README.md
CLEANFILES += $(yard_units)

$(yard_units): %D%/%.service: %D%/%.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(SED) -e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g' \
		-e 's|@bindir[@]|$(bindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		-e 's|@yardstatedir[@]|$(yardstatedir)|g' $< > $@.tmp && mv $@.tmp $@
