# SPDX-License-Identifier: Apache-2.0
# The schema files in the order of their numbers: a new one is added here, nothing else.
store_yard_schema = \
	%D%/schema/001-core.sql \
	%D%/schema/002-deployments.sql
store_logs_schema = \
	%D%/schema/logs/001-lines.sql

common_libyard_a_SOURCES += \
	%D%/attempt.c %D%/attempt.h \
	%D%/attempt_archive.c \
	%D%/attempt_report.c \
	%D%/attempt_serve.c \
	%D%/attempt_sweep.c \
	%D%/authorizer.c \
	%D%/blob.c %D%/blob.h \
	%D%/command.c \
	%D%/connection.c \
	%D%/deployment.c %D%/deployment.h \
	%D%/internal.h \
	%D%/life.c %D%/life.h \
	%D%/log.c %D%/log.h \
	%D%/machine.c %D%/machine.h \
	%D%/machine_find.c \
	%D%/migrate.c \
	%D%/phone_home.c \
	%D%/power.c %D%/power.h \
	%D%/queue.c \
	%D%/report.c %D%/report.h \
	%D%/statement.c \
	%D%/steps.c \
	%D%/store.c %D%/store.h \
	%D%/text.c \
	%D%/timeline.c %D%/timeline.h \
	%D%/token.c %D%/token.h \
	%D%/writer.c
nodist_common_libyard_a_SOURCES = %D%/schema-yard.c %D%/schema-logs.c

%D%/schema-yard.c: $(store_yard_schema) %D%/embed-schema.sh
	$(AM_V_GEN)$(MKDIR_P) %D% && (cd $(srcdir) && %D%/embed-schema.sh yard_schema $(store_yard_schema)) > $@.tmp && mv $@.tmp $@
%D%/schema-logs.c: $(store_logs_schema) %D%/embed-schema.sh
	$(AM_V_GEN)$(MKDIR_P) %D% && (cd $(srcdir) && %D%/embed-schema.sh logs_schema $(store_logs_schema)) > $@.tmp && mv $@.tmp $@
BUILT_SOURCES += %D%/schema-yard.c %D%/schema-logs.c
CLEANFILES += %D%/schema-yard.c %D%/schema-logs.c
EXTRA_DIST += %D%/README.md %D%/embed-schema.sh $(store_yard_schema) $(store_logs_schema)
