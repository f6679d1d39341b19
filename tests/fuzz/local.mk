# SPDX-License-Identifier: Apache-2.0
# Parsers of foreign bytes. A target is fuzz_<name>.c with LLVMFuzzerTestOneInput, a folder corpus/<name>, and here:
# its name in fuzz_names, fuzz_<name>_sources (what the fuzzer shall see into; the rest comes from libyard.a and fuzz_<name>_libs),
# and the two lines of its replay in make check. `make fuzz FUZZ_SECONDS=5` (clang, a build without sanitizers) runs
# each for so long and leaves what crashes beside the program; `replay_<name> FILE` shows one again.

fuzz_names = challenge conf decoder dhcp document efi gpt leases line manifest range reference route script text vars

fuzz_challenge_sources = daemons/imaged/challenge.c
fuzz_manifest_sources = daemons/imaged/manifest.c
fuzz_range_sources = daemons/imaged/range.c
fuzz_reference_sources = daemons/imaged/reference.c
fuzz_conf_sources = common/conf/conf.c common/conf/parse.c
fuzz_route_sources = common/web/route.c common/web/target.c
fuzz_text_sources = common/base/bytes.c common/base/mac.c common/base/uuid.c
fuzz_vars_sources = common/base/strbuf.c common/base/vars.c
fuzz_document_sources = daemons/apid/deployment_json.c daemons/apid/image_name.c daemons/apid/machine_json.c daemons/apid/mask.c daemons/apid/wire.c
fuzz_leases_sources = common/base/leases.c
fuzz_decoder_sources = agent/image/decoder.c
fuzz_decoder_libs = -lz -lzstd
fuzz_dhcp_sources = agent/net/dhcp_packet.c
fuzz_efi_sources = agent/boot/efi_load_option.c
fuzz_gpt_sources = agent/disk/gpt.c
fuzz_gpt_libs = -lz
fuzz_line_sources = daemons/statusd/line.c common/store/text.c
fuzz_script_sources = daemons/bootd/script.c

fuzz_replays = %D%/replay_challenge %D%/replay_conf %D%/replay_decoder %D%/replay_dhcp %D%/replay_document %D%/replay_efi %D%/replay_gpt %D%/replay_leases %D%/replay_line %D%/replay_manifest %D%/replay_range %D%/replay_reference %D%/replay_route %D%/replay_script %D%/replay_text %D%/replay_vars
check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)
tests_fuzz_replay_conf_SOURCES = %D%/replay.c %D%/fuzz_conf.c
tests_fuzz_replay_conf_LDADD = $(YARD_LIBS)
tests_fuzz_replay_route_SOURCES = %D%/replay.c %D%/fuzz_route.c
tests_fuzz_replay_route_LDADD = $(YARD_LIBS)
tests_fuzz_replay_text_SOURCES = %D%/replay.c %D%/fuzz_text.c
tests_fuzz_replay_text_LDADD = $(YARD_LIBS)
tests_fuzz_replay_vars_SOURCES = %D%/replay.c %D%/fuzz_vars.c
tests_fuzz_replay_vars_LDADD = $(YARD_LIBS)
tests_fuzz_replay_challenge_SOURCES = %D%/replay.c %D%/fuzz_challenge.c
tests_fuzz_replay_challenge_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
tests_fuzz_replay_manifest_SOURCES = %D%/replay.c %D%/fuzz_manifest.c
tests_fuzz_replay_manifest_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
tests_fuzz_replay_range_SOURCES = %D%/replay.c %D%/fuzz_range.c
tests_fuzz_replay_range_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
tests_fuzz_replay_reference_SOURCES = %D%/replay.c %D%/fuzz_reference.c
tests_fuzz_replay_reference_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
tests_fuzz_replay_document_SOURCES = %D%/replay.c %D%/fuzz_document.c
tests_fuzz_replay_document_LDADD = daemons/apid/libapid.a $(YARD_LIBS)
tests_fuzz_replay_leases_SOURCES = %D%/replay.c %D%/fuzz_leases.c
tests_fuzz_replay_leases_LDADD = $(YARD_LIBS)
tests_fuzz_replay_line_SOURCES = %D%/replay.c %D%/fuzz_line.c
tests_fuzz_replay_line_LDADD = daemons/statusd/libstatusd.a $(YARD_LIBS)
tests_fuzz_replay_script_SOURCES = %D%/replay.c %D%/fuzz_script.c
tests_fuzz_replay_script_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_replay_script_LDADD = daemons/bootd/libbootd.a $(YARD_LIBS)
tests_fuzz_replay_decoder_SOURCES = %D%/replay.c %D%/fuzz_decoder.c
tests_fuzz_replay_decoder_LDADD = agent/libagent.a common/libyard.a $(AGENT_LIBS) -lpthread
tests_fuzz_replay_dhcp_SOURCES = %D%/replay.c %D%/fuzz_dhcp.c
tests_fuzz_replay_dhcp_LDADD = agent/libagent.a common/libyard.a $(AGENT_LIBS) -lpthread
tests_fuzz_replay_efi_SOURCES = %D%/replay.c %D%/fuzz_efi.c
tests_fuzz_replay_efi_LDADD = agent/libagent.a common/libyard.a $(AGENT_LIBS) -lpthread
tests_fuzz_replay_gpt_SOURCES = %D%/replay.c %D%/fuzz_gpt.c
tests_fuzz_replay_gpt_LDADD = agent/libagent.a common/libyard.a $(AGENT_LIBS) -lpthread

EXTRA_DIST += %D%/README.md %D%/fuzz.h %D%/run-fuzz %D%/corpus

FUZZ_CC = clang
FUZZ_SECONDS = 5
fuzz_flags = -std=gnu17 -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined -D_GNU_SOURCE
fuzz_programs = $(fuzz_names:%=tests/fuzz/fuzz_%)
CLEANFILES += $(fuzz_programs)

$(fuzz_programs): tests/fuzz/fuzz_%: $(top_srcdir)/tests/fuzz/fuzz_%.c common/libyard.a
	$(AM_V_GEN)$(FUZZ_CC) $(fuzz_flags) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(JANSSON_CFLAGS) -o $@ $< \
		$(addprefix $(top_srcdir)/,$(fuzz_$*_sources)) $(YARD_LIBS) $(fuzz_$*_libs)

fuzz: $(fuzz_programs)
	$(top_srcdir)/tests/fuzz/run-fuzz $(FUZZ_SECONDS) $(top_srcdir)/tests/fuzz/corpus $(fuzz_programs)
.PHONY: fuzz
