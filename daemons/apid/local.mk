# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += %D%/libapid.a
daemons_apid_libapid_a_SOURCES = \
	%D%/apid.c %D%/apid.h \
	%D%/auth.c %D%/auth.h \
	%D%/change.c %D%/change.h \
	%D%/config.c %D%/config.h \
	%D%/deployment_json.c %D%/deployment_json.h \
	%D%/handle_deployment.c %D%/handle_deployment.h \
	%D%/handle_document.c %D%/handle_document.h \
	%D%/handle_machine.c %D%/handle_machine.h \
	%D%/handle_report.c %D%/handle_report.h \
	%D%/handle_timeline.c %D%/handle_timeline.h \
	%D%/handle_token.c %D%/handle_token.h \
	%D%/image_name.c %D%/image_name.h \
	%D%/limiter.c %D%/limiter.h \
	%D%/machine_json.c %D%/machine_json.h \
	%D%/mask.c %D%/mask.h \
	%D%/peer_imaged.c %D%/peer_imaged.h \
	%D%/query.c %D%/query.h \
	%D%/routes.c %D%/routes.h \
	%D%/waiters.c %D%/waiters.h \
	%D%/wire.c %D%/wire.h
pkglibexec_PROGRAMS += %D%/apid
daemons_apid_apid_SOURCES = %D%/main.c
daemons_apid_apid_LDADD = %D%/libapid.a $(YARD_LIBS)
dist_man_MANS += %D%/apid.8

# The API's description becomes a C string, so that /v1/openapi.yaml is always the one of this build.
%D%/openapi_text.inc: $(top_srcdir)/docs/openapi.yaml
	$(AM_V_GEN)$(MKDIR_P) %D% && $(SED) -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $(top_srcdir)/docs/openapi.yaml > $@.tmp && mv $@.tmp $@
%D%/handle_document.$(OBJEXT): %D%/openapi_text.inc
CLEANFILES += %D%/openapi_text.inc
EXTRA_DIST += %D%/README.md docs/openapi.yaml docs/api.md
