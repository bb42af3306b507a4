-- `assert` as busted's users know it: assert.are.equal(1, 1), assert.has_error(f), assert.is_not_nil(x). The words of
-- luassert that tests use most, with its meanings, so that the same files run under both.

local assertions = {}

local fillers = {
  a = true, an = true, are = true, be = true, ["do"] = true, does = true, has = true, have = true,
  is = true, was = true, were = true, the = true,
}
local negations = { ["not"] = true, no = true }

local function show(value)
  if type(value) == "string" then
    return string.format("%q", value)
  end
  if type(value) ~= "table" then
    return tostring(value)
  end
  local keys, parts = {}, {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for index = 1, math.min(#keys, 20) do
    local inner = value[keys[index]]
    parts[index] = string.format("[%s] = %s", tostring(keys[index]),
      type(inner) == "table" and "{…}" or show(inner))
  end
  if #keys > 20 then
    parts[21] = "…"
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- Deep equality of tables; anything else by ==.
local function same(a, b, seen)
  if a == b then
    return true
  end
  if type(a) ~= "table" or type(b) ~= "table" then
    return false
  end
  seen = seen or {}
  if seen[a] == b then
    return true
  end
  seen[a] = b
  for key, value in pairs(a) do
    if not same(value, b[key], seen) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

local function without_place(message)
  return type(message) == "string" and (message:gsub("^.-:%d+: ", "", 1)) or message
end

-- Each takes what the test gives, and returns whether it holds, what was found, what was wanted.
local checks = {}

function checks.equal(wanted, given)
  return wanted == given, show(given), show(wanted)
end

function checks.same(wanted, given)
  return same(wanted, given), show(given), show(wanted)
end

function checks.near(wanted, given, tolerance)
  return math.abs(wanted - given) <= tolerance, show(given), show(wanted) .. " ± " .. show(tolerance)
end

function checks.truthy(value)
  return value ~= nil and value ~= false, show(value), "a true value"
end

function checks.falsy(value)
  return value == nil or value == false, show(value), "nil or false"
end

function checks.match(pattern, value)
  return type(value) == "string" and value:find(pattern) ~= nil, show(value), "a match of " .. show(pattern)
end

function checks.error(action, wanted)
  local ran, message = pcall(action)
  if ran then
    return false, "no error", wanted == nil and "an error" or show(wanted)
  end
  if wanted == nil then
    return true, show(message), "an error"
  end
  return same(wanted, without_place(message)) or same(wanted, message), show(message), show(wanted)
end

function checks.error_matches(action, pattern)
  local ran, message = pcall(action)
  if ran then
    return false, "no error", "an error that matches " .. show(pattern)
  end
  return tostring(without_place(message)):find(pattern) ~= nil, show(message), "an error that matches " .. show(pattern)
end

checks["true"] = function(value)
  return value == true, show(value), "true"
end

checks["false"] = function(value)
  return value == false, show(value), "false"
end

for _, kind in ipairs({ "nil", "string", "number", "boolean", "table", "function", "userdata", "thread" }) do
  checks[kind] = function(value)
    return type(value) == kind, show(value), "a " .. kind
  end
end

local synonyms = {
  equals = "equal", matches = "match", errors = "error", error_match = "error_matches",
  errors_match = "error_matches",
}

-- "is_not_nil" after "": the check nil, negated.
local function resolve(words)
  local negated, rest = false, {}
  for word in words:gmatch("[^_]+") do
    word = word:lower()
    if negations[word] then
      negated = not negated
    elseif not fillers[word] or #rest > 0 then
      rest[#rest + 1] = word
    end
  end
  local name = table.concat(rest, "_")
  name = synonyms[name] or name
  return name, checks[name], negated
end

local phrase = {}

local function new_phrase(words)
  return setmetatable({ words = words }, phrase)
end

function phrase:__index(word)
  return new_phrase(rawget(self, "words") .. "_" .. word)
end

function phrase:__call(...)
  local name, check, negated = resolve(rawget(self, "words"))
  if not check then
    error(string.format("assert: no assertion '%s'", name), 2)
  end
  local holds, found, wanted = check(...)
  if holds == negated then
    error(string.format("%s, found %s", (negated and "not " or "") .. wanted .. " expected", found), 2)
  end
  return ...
end

---A callable `assert` that also knows the words above.
function assertions.new()
  return setmetatable({}, {
    __call = function(_, value, ...)
      if not value then
        error((...) == nil and "assertion failed!" or (...), 2)
      end
      return value, ...
    end,
    __index = function(_, word)
      return new_phrase(word)
    end,
  })
end

return assertions
