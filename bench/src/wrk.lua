-- Requests that differ in their credential, drawn from a file with one `Authorization` a line. The same script drives
-- the server and what it is compared with, so it costs both the same.
local requests, last = {}, 0

function init()
   local headers = { ["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE") }
   for line in io.lines(os.getenv("BENCH_CREDENTIALS")) do
      headers["Authorization"] = line
      requests[#requests + 1] = wrk.format(os.getenv("BENCH_METHOD"), os.getenv("BENCH_PATH"), headers, os.getenv("BENCH_BODY"))
   end
   math.randomseed(os.time())
end

if os.getenv("BENCH_ORDER") == "once" then
   function request()
      last = last + 1
      if last >= #requests then wrk.thread:stop() end
      return requests[last] or requests[#requests]
   end
else
   function request()
      return requests[math.random(#requests)]
   end
end

function done(summary, latency)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format("figures %d %d %d %d %d\n", summary.requests, summary.duration, failed,
      latency:percentile(50), latency:percentile(99)))
end
