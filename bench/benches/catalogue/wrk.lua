-- Asks for random books out of a file of paths, and says what it saw in one line.

local requests = {}

function init(arguments)
   for path in io.lines(arguments[1]) do
      requests[#requests + 1] = wrk.format("GET", path)
   end
   math.randomseed(tonumber(arguments[2]))
end

function request()
   return requests[math.random(#requests)]
end

function done(summary, latency, requests)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format("seen %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
      latency:percentile(99), failed))
end
