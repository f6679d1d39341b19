#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints C that holds the schema files: embed-schema.sh ARRAY FILE... (in the order of their numbers).
set -eu
array=$1
shift
printf '// Made by embed-schema.sh; do not edit.\n#include "store/internal.h"\n\n'
printf 'const struct schema_step %s[] = {\n' "$array"
version=0
for file in "$@"; do
    version=$((version + 1))
    name=$(basename "$file")
    case $name in
    $(printf '%03d' "$version")-*.sql) ;;
    *)
        echo "$name: expected number $version" >&2
        exit 1
        ;;
    esac
    printf '    {%d, "%s",\n' "$version" "$name"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/     "/' -e 's/$/\\n"/' "$file"
    printf '    },\n'
done
printf '};\nconst size_t %s_count = sizeof(%s) / sizeof(%s[0]);\n' "$array" "$array" "$array"
