// The bytes a connection reads, up to the handler: framing, heads, chunks, Host and Origin, routes,
// queries. Whatever comes, it must not matter how the bytes are cut up: one read or many give the
// same requests, or the same refusal.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/internal/answer.h"
#include "api/http/internal/host_guard.h"
#include "api/http/internal/request_reader.h"
#include "api/http/router.h"

namespace {

using namespace hoego::http;            // NOLINT(google-build-using-namespace): one small program
using namespace hoego::http::internal;  // NOLINT(google-build-using-namespace)

const Router& Routes() {
  static const Router router = [] {
    Router r;
    const Handler none = [](const Request&, Responder) {};
    r.Add("GET", "/v1/items/{item}", none);
    r.Add("POST", "/v1/endpoints/{e}:recommend", none);
    r.Add("POST", "/v1/events", none);
    r.Add("GET", "/ui/{path...}", none);
    return r;
  }();
  return router;
}

// What a handler would see of this head, as text.
std::string Describe(const Head& head) {
  static const HostGuard guard{ServerOptions{}};
  Request request;
  request.method = head.method;
  request.target = head.target;
  request.path = head.target.substr(0, head.target.find('?'));
  request.headers = head.fields;
  const auto host = guard.CheckHost(head, "10.0.0.1");
  const auto origin = guard.CheckOrigin(head);
  const Router::Match match = Routes().Find(request.method, request.path, request.params);
  std::string text;
  for (const std::string_view part : {head.method, head.target, head.authority,
                                      request.header("Content-Type"), request.header("X")}) {
    text.append(part).push_back('\n');
  }
  for (const std::string& param : request.params) {
    if (match.route != nullptr && param.find('\0') != std::string::npos) {
      std::abort();  // a NUL passed the path check
    }
    text.append(param).push_back('\n');
  }
  text.append(request.query("a").value_or("-"))
      .append(AcceptsGzip(head.accept_encoding) ? "z" : "-");
  text.append(std::to_string(host ? host->status : 0))
      .append(std::to_string(origin ? origin->status : 0));
  return text.append(match.bad_path           ? "bad"
                     : match.route != nullptr ? match.route->pattern
                                              : "none");
}

// All that the bytes come to when they arrive in pieces of `step`.
std::string Feed(std::string_view bytes, size_t step) {
  RequestReader reader(ReaderLimits{2048, 16, {64, 64, 256}});
  ByteBuffer block;
  Head head;
  std::string window;
  std::string story;
  while (true) {
    const RequestReader::Step result = reader.Next(window, &block, &head);
    story.append(result.body);
    switch (result.event) {
      case RequestReader::Event::kBroken:
        return story + "broken " + std::to_string(reader.refusal().status);
      case RequestReader::Event::kHead:
        story.append("head ").append(Describe(head)).append("\n");
        break;
      case RequestReader::Event::kEnd:
        story.append("\nend\n");
        break;
      default:
        break;
    }
    window.erase(0, result.used);
    if (result.event == RequestReader::Event::kMore && result.used == 0) {
      if (bytes.empty()) {
        return story;
      }
      const std::string_view piece = bytes.substr(0, step);
      window.append(piece);
      bytes.remove_prefix(piece.size());
    } else if (result.event == RequestReader::Event::kMore && window.empty() && bytes.empty()) {
      return story;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = Feed(bytes, size + 1);
  if (Feed(bytes, 1) != whole || Feed(bytes, 13) != whole) {
    std::abort();
  }
  return 0;
}
