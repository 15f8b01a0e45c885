-- A script for wrk: each request asks for a planner with a key that nobody has
-- used before. Answers of 400 and above are counted and told at the end; the
-- service has no others but 201 here.
--
--   wrk -t2 -c64 -d60s -s e2e/assign.lua http://127.0.0.1:8080/v1/pools/demo/assignments

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end

function init()
  made = 0
  run = string.format("%d-%d", os.time(), id)
end

function request()
  made = made + 1
  return wrk.format("POST", nil, { ["Idempotency-Key"] = "wrk-" .. run .. "-" .. made })
end

function done(summary, latency)
  io.write(string.format("refusals and errors: %d; broken connections: %d; timeouts: %d\n",
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write, summary.errors.timeout))
  io.write(string.format("p50 %.1f ms, p99 %.1f ms\n", latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
