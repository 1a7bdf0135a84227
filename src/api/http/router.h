#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/responder.h"

namespace hoego::http {

struct RouteOptions {
  size_t max_body = 0;  // bytes after gunzip; 0: the server's max_body_bytes
  bool open = false;    // reachable without a token: the gate is told, and the list is printed
};

struct RouteInfo {
  std::string method;
  std::string pattern;
  RouteOptions options;
};

// The one authorisation point. Asked for every request when its head is complete and before its
// body is read (request.body is empty); `route` is null for an unknown path or method. A response
// refuses.
using Gate = std::function<std::optional<Response>(const Request& request, const RouteInfo* route)>;

// The table of (method, pattern) → handler. A pattern is literal segments and placeholders:
//   /v1/items/{item}            a whole segment, never empty
//   /v1/endpoints/{e}:recommend a segment that ends in a literal verb, split at its last ':'
//   /ui/{path...}               the rest with its slashes, perhaps empty; only at the end
// Where several fit, a literal segment beats a verb, a verb a placeholder, a placeholder the rest.
// HEAD is answered by GET's handler; OPTIONS is answered 204 with Allow.
//
// Cost: a match is one hash look-up a segment, whatever the number of routes.
// Threads: filled by one thread, then read by any. Cheap to copy; copies share what was added.
class Router {
 public:
  Router();

  // Pre: the pattern is well formed, and (method, pattern) is new; else it is our bug and ends us.
  void Add(std::string_view method, std::string_view pattern, Handler handler,
           RouteOptions options = {});
  // Answers unknown paths and wrong methods under a prefix, in the dialect of its readers; see
  // Request::allow. The longest prefix wins; a prefix ends at a '/' or with the path. Without one:
  // problem JSON. The server adds the Allow header itself.
  void AddFallback(std::string_view prefix, Handler handler);
  void SetGate(Gate gate);
  const Gate& gate() const;
  std::vector<RouteInfo> routes() const;  // in the order they were added

  struct Match {
    const RouteInfo* route = nullptr;  // null: a fallback answers
    const Handler* handler = nullptr;  // null only for OPTIONS and for a bad path
    size_t index = 0;                  // of the route in routes()
    std::string_view allow;            // of a known path
    bool bad_path = false;             // malformed %xx, a NUL, a '.' or '..' segment: 400
  };
  // Fills `params` with what the placeholders matched. `path` is percent-encoded.
  Match Find(std::string_view method, std::string_view path,
             std::vector<std::string>& params) const;

 private:
  struct Table;
  std::shared_ptr<Table> table_;
};

// Runs one request through a router without a socket and waits for the answer: for tests and for
// commands. The server's own checks (Host, Origin, limits, gzip) are not made.
// Pre: not called from the thread the handler needs to answer.
Response CallInProcess(const Router& router, std::string_view method, std::string_view target,
                       std::string_view body = {}, std::vector<HeaderField> headers = {});

}  // namespace hoego::http
