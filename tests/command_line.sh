#!/usr/bin/env bash
# The command line as a person meets it: output, exit codes, errors with file and line, the prompt on a terminal.
set -uo pipefail
regolith=$1
root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0
failed=0

# expect NAME CODE PATTERN COMMAND…: the exit code and a pattern (grep -E) in what it prints, both streams.
expect() {
  local name=$1 code=$2 pattern=$3 output got
  shift 3
  output=$("$@" 2>&1 < /dev/null)
  got=$?
  if [ "$got" != "$code" ]; then
    echo "FAILED $name: exit code $got, $code wanted"
  elif ! grep -qE -- "$pattern" <<< "$output"; then
    echo "FAILED $name: no '$pattern' in the output"
  else
    passed=$((passed + 1))
    return
  fi
  sed 's/^/    /' <<< "$output"
  failed=$((failed + 1))
}

expect "version" 0 '^regolith [0-9]+\.[0-9]+\.[0-9]+$' "$regolith" --version
expect "help" 0 'usage: regolith' "$regolith" --help
expect "no terminal" 2 'no terminal' "$regolith"
expect "unknown command" 2 "did you mean 'devices'" "$regolith" device
expect "unknown option" 2 "did you mean '--validate'" "$regolith" run --valdate x.lua
expect "option without a value" 2 '--device needs a value' "$regolith" run --device
expect "no script" 2 'a script is wanted' "$regolith" run
expect "missing script" 1 'none.lua: No such file' "$regolith" run none.lua
expect "devices" 0 'Vulkan 1\.[23]' "$regolith" devices
expect "devices as JSON" 0 '^\[\{.*"name"' "$regolith" devices --json
expect "no such device" 1 "no such thing" "$regolith" run --device "no such thing" "$root/assets/scene.lua"

expect "sample" 0 'texture +plates +256×256 r8g8b8a8_srgb, 9 levels' "$regolith" run "$root/assets/scene.lua"
expect "sample's sets" 0 'Level1 +[0-9]+ +1 ' "$regolith" run --validate "$root/assets/scene.lua"
expect "sample as JSON" 0 '"resources"' "$regolith" run --json "$root/assets/scene.lua"
"$regolith" run --json "$root/assets/scene.lua" > sample.json 2> /dev/null
expect "JSON is JSON" 0 '^material Metal$' lua5.4 -e '
  local text = io.open("sample.json"):read("a")
  assert(text:sub(1, 1) == "{")
  print(text:find("\"Metal\"", 1, true) and "material Metal")'

printf 'local x = 1\nlocal y = x.z.w\n' > index.lua
expect "script error" 1 'index.lua:2: ' "$regolith" run index.lua
printf 'x = = 1\n' > syntax.lua
expect "syntax error" 1 'syntax.lua:1: ' "$regolith" run syntax.lua
printf '\nmaterial "M" { shader = "none" }\n' > none_shader.lua
expect "unknown shader" 1 "none_shader.lua:2.*'none'" "$regolith" run none_shader.lua
printf 'shader "s" { fragment = "bad.frag" }\n' > bad_shader.lua
printf '#version 460\nvoid main() {\n  int x = 1\n}\n' > bad.frag
expect "shader error" 1 'bad.frag:3' "$regolith" run bad_shader.lua
printf 'shader "s" { fragment = "gone.frag" }\n' > gone_shader.lua
expect "missing shader" 1 'gone_shader.lua:1.*gone.frag' "$regolith" run gone_shader.lua
printf 'texture "t" { file = "broken.png" }\n' > broken_texture.lua
printf '\211PNG\r\n\032\nnot really' > broken.png
expect "broken PNG" 1 'broken_texture.lua:1.*broken.png' "$regolith" run broken_texture.lua
printf 'resources "R" { material = { "x" } }\n' > key.lua
expect "unknown key" 1 "key.lua:1: .*did you mean 'materials'" "$regolith" run key.lua
printf 'print(select("#", ...), arg[1], ...)\n' > arguments.lua
expect "arguments" 0 '^2	a	a	b$' "$regolith" run arguments.lua a b

expect "memory" 0 '^plates +1 +[0-9.]+ KiB' "$regolith" memory --validate "$root/assets/scene.lua"
expect "memory by pool" 0 'PADDING +LARGEST HOLE' "$regolith" memory "$root/assets/scene.lua"
expect "memory as JSON" 0 '"kind":"texture","id":"[0-9a-f]+","label":"plates"' \
  "$regolith" memory --json "$root/assets/scene.lua"
expect "memory as a picture" 0 '^LABEL' "$regolith" memory --svg map.svg "$root/assets/scene.lua"
expect "the picture is one" 0 '^<svg .*</svg>$' sh -c 'tr -d "\n" < map.svg'
expect "a picture nowhere" 1 'none/map.svg: No such file' "$regolith" memory --svg none/map.svg "$root/assets/scene.lua"
expect "a trace" 0 '^LABEL' "$regolith" memory --record scene.trace "$root/assets/scene.lua"
expect "replay" 0 '[0-9]+ allocations, [0-9]+ frees, 0 failed' "$regolith" replay --validate scene.trace
expect "replay as JSON" 0 '"peak_used":[0-9]+' "$regolith" replay --json scene.trace
printf 'regolith-trace 1\nx\n' > wrong.trace
expect "a wrong trace" 1 'wrong.trace: .*line 2' "$regolith" replay wrong.trace
expect "no trace" 1 'none.trace: No such file' "$regolith" replay none.trace
expect "replay of nothing" 2 'one trace is wanted' "$regolith" replay
expect "no script for memory" 2 'regolith memory FILE.lua' "$regolith" memory
expect "pictures are memory's" 2 "run: --svg belongs to 'regolith memory'" "$regolith" run --svg a.svg x.lua
expect "unknown command near memory" 2 "did you mean 'memory'" "$regolith" memry
printf 'engine.memory:record("stolen.trace")\n' > record.lua
expect "the sandbox writes no traces" 1 "record.lua:1: .*'stolen.trace'" "$regolith" run record.lua
expect "no trace was written" 1 'No such file' cat stolen.trace
expect "trusted scripts write traces" 0 'device:' "$regolith" run --trust record.lua

printf 'os.exit(7)\n' > exit.lua
expect "the sandbox keeps the host" 1 "exit.lua:1" "$regolith" run exit.lua
printf 'io.open("/etc/passwd")\n' > io.lua
expect "the sandbox keeps files" 1 "io.lua:1" "$regolith" run io.lua
expect "trust lifts it" 0 'device:' "$regolith" run --trust io.lua
printf 'texture "t" { file = "../../../etc/hostname" }\n' > escape.lua
expect "files stay under the roots" 1 'escape.lua:1' "$regolith" run escape.lua

printf 'a = engine.buffers:create { size = 16 }\nb = engine.buffers:create { size = 16, label = "\\255%%s%%n\\27[31m" }\n' > odd.lua
expect "unnamed resources and odd names" 0 'unnamed [0-9a-f]+' "$regolith" run odd.lua
"$regolith" run --json odd.lua > odd.json
expect "odd names are UTF-8 in JSON" 0 '^utf8$' lua5.4 -e '
  local text = io.open("odd.json"):read("a")
  assert(utf8.len(text) and text:find("%s%n", 1, true))
  print("utf8")'
printf '\357\273\277#!/usr/bin/env regolith\nprint("first line skipped")\n' > shell.lua
expect "a line for the shell" 0 'first line skipped' "$regolith" run shell.lua
expect "an option that does nothing" 2 "takes no option" "$regolith" devices --device 0
expect "output that cannot be written" 1 'could not be written' sh -c "'$regolith' run shell.lua > /dev/full"
printf 'engine:close()\n' > close.lua
expect "a script that closes its engine" 1 'close.lua: the script closed' "$regolith" run close.lua
printf 'local s = resources "R" {}\nassert(s:load())\ns:unload()\ns:destroy()\n' > gone.lua
expect "a script that destroys its set" 0 'device:' "$regolith" run gone.lua

# Counts of files that no one here wrote, against their own JSON.
if [ -d "$root/../shared/data/gltf" ]; then
  output=$("$regolith" run --validate --root "$root/../shared/data/gltf" "$root/examples/gltf.lua" \
    ClearCoatTest/ClearCoatTest.gltf robot.glb)
  expect "ClearCoatTest's counts" 0 'gltf: 27 meshes, 27 primitives, 19 materials, 6 textures, 20106 vertices, 111348 indices' \
    echo "$output"
  expect "robot's counts" 0 'glb: 14 meshes, 19 primitives, 3 materials, 0 textures, 7218 vertices, 9714 indices' \
    echo "$output"
else
  echo "skipped: counts of glTF files, for want of ../shared/data"
fi

mkdir -p suite
printf 'describe("a", function() it("b", function() assert.are.equal(1, 1) end) end)\n' > suite/good_spec.lua
expect "tests pass" 0 '^1 passed, 0 failed$' "$regolith" test suite
printf 'describe("a", function() it("b", function() assert.are.equal(1, 2) end) end)\n' > suite/bad_spec.lua
expect "tests fail" 1 'bad_spec.lua: a b' "$regolith" test suite
printf 'os.exit(0)\n' > suite/exit_spec.lua
expect "tests cannot end the run" 1 'exit_spec.lua' "$regolith" test suite
rm suite/exit_spec.lua
expect "tests fail, counted" 1 '^1 passed, 1 failed$' "$regolith" test suite
mkdir -p empty
expect "no tests" 1 'no tests found' "$regolith" test empty
expect "missing tests" 1 'nowhere' "$regolith" test nowhere

# The prompt, on a terminal of its own: values, several lines, errors, history.
if ! script -qec true /dev/null > /dev/null 2>&1; then
  echo "skipped: the prompt, for want of a pseudo-terminal"
else
  printf 'return 6 * 7\nfor i = 1, 2 do\nprint("line " .. i)\nend\nengine.buffers:create { size = 0 }\n' > typed
  HOME=$work XDG_STATE_HOME= script -qec "'$regolith'" /dev/null < typed > transcript 2>&1
  for pattern in '^42' '^line 2' 'prompt:1: .*size'; do
    if grep -qE "$pattern" transcript; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      echo "FAILED prompt: no '$pattern'"
      sed 's/^/    /' transcript
    fi
  done
  if [ -s "$work/.regolith_history" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED prompt: no history"
  fi
fi

echo "command line: $passed passed, $failed failed"
[ "$failed" = 0 ]
