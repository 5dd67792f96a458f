-- The requests of a file, one a line: a token (or nothing), a tab, and the body. Each thread takes its share.
-- Afterwards one line of JSON says what came of them.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  requests, at, failed, example = {}, 0, 0, ""
  local all, share = {}, tonumber(args[2])
  for line in io.lines(args[1]) do
    table.insert(all, line)
  end
  for index, line in ipairs(all) do
    if #all < share or (index - 1) % share == number then
      local token, body = line:match("^([^\t]*)\t(.*)$")
      local headers = { ["Content-Type"] = "application/json", ["Host"] = wrk.headers["Host"] }
      if token ~= "" then
        headers["Authorization"] = "Bearer " .. token
      end
      table.insert(requests, wrk.format("POST", wrk.path, headers, body))
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function response(status, headers, body)
  if status ~= 200 or body:find('"errors"', 1, true) then
    failed = failed + 1
    example = body:sub(1, 200)
  end
end

function done(summary, latency, rest)
  local failures = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  for _, thread in ipairs(threads) do
    failures = failures + thread:get("failed")
    if thread:get("example") ~= "" then
      io.stderr:write(thread:get("example"), "\n")
    end
  end
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f, "worst": %f}\n',
    summary.requests, summary.duration / 1e6, failures,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6, latency.max / 1e6))
end
