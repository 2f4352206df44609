#!/bin/sh
# How many singers each voice has. Run it from the folder above.
for voice in Soprano Alto Tenor Bass; do
    echo "$voice: $(grep -c ",$voice," documents/members.csv)"
done
