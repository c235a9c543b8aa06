#!/bin/sh
# Rebuilds static/govuk-frontend.min.css and static/govuk-frontend.min.js from npm.
# Only for maintainers who raise the version: the product itself needs neither node nor npm.
set -eu

govuk_frontend=6.3.0   # the version the macros of govuk-frontend-jinja 4.1 are written for
sass=1.108.2

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm init --yes >/dev/null
npm install --no-audit --no-fund --ignore-scripts "govuk-frontend@$govuk_frontend" "sass@$sass"

# The crown header and the footer with its crest are left out; the font is the reader's own.
{
    echo '@use "node_modules/govuk-frontend/dist/govuk/base" with ($govuk-font-family: (system-ui, arial, sans-serif));'
    for part in custom-properties core objects; do
        echo "@use \"node_modules/govuk-frontend/dist/govuk/$part\";"
    done
    for folder in node_modules/govuk-frontend/dist/govuk/components/*/; do
        name=$(basename "$folder")
        case "$name" in header | footer | cookie-banner) continue ;; esac
        echo "@use \"node_modules/govuk-frontend/dist/govuk/components/$name\";"
    done
    for part in utilities overrides; do
        echo "@use \"node_modules/govuk-frontend/dist/govuk/$part\";"
    done
} >front-door.scss

npx sass --no-source-map --style=compressed --quiet-deps front-door.scss "$here/static/govuk-frontend.min.css"
sed '/^\/\/# sourceMappingURL=/d; s,//# sourceMappingURL=.*$,,' \
    node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.js >"$here/static/govuk-frontend.min.js"
