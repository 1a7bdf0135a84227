#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace hoego::http {

// One answer. Framing (Content-Length, Transfer-Encoding, Connection), Server, Date, X-Request-ID
// and X-Content-Type-Options are the server's business: fields of those names here are ignored, and
// so is a field whose name or value could break the head.
struct Response {
  int status = 200;
  std::string content_type = "application/json";  // empty: no such field
  std::string body;                               // not sent with 204 and 304
  std::vector<std::pair<std::string, std::string>> headers;
};

// RFC 9457 problem JSON: {"type":"about:blank","title":…,"status":…,"detail":message,"code":…}.
// `members` are further members as JSON text without braces, for example "\"errors\":[…]".
// Pre: !status.ok().
Response Problem(const Status& status, std::string_view members = {});
// The same with another HTTP status than the table's, for example 412 or 422.
Response Problem(int http, const Status& status, std::string_view members = {});

inline Response Json(std::string body, int status = 200) {
  return {status, "application/json", std::move(body), {}};
}

inline Response Text(std::string body, int status = 200) {
  return {status, "text/plain; charset=utf-8", std::move(body), {}};
}

}  // namespace hoego::http
