#!/bin/sh
# Asks a running gateway through the clients of others: run.sh FOLDER URL TOKEN. FOLDER keeps what is installed for that.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 url=$2 token=$3
"$here/install.sh" "$folder"
cd "$folder"
# Node looks for packages beside the script.
cp "$here/check.mjs" check.mjs
model=$(python/bin/python -c 'import openai, sys; print(openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2]).models.list().data[0].id)' "$url" "$token")
failed=0
echo "== check.py"
python/bin/python "$here/check.py" --url "$url" --token "$token" || failed=1
echo "== check.mjs"
node check.mjs --url "$url" --token "$token" || failed=1
for format in openai-chat open-responses; do
    echo "== llm-comply $format"
    OPENRESPONSES_API_KEY=$token python/bin/llm-comply --format $format -u "$url" -m "$model" --timeout 600 || failed=1
done
echo "== compatcanary"
OPENAI_API_KEY=$token node node_modules/compatcanary/src/cli.js scan --base-url "$url" --model "$model" --timeout 120000 || failed=1
exit $failed
