#pragma once

#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

#include "api/http/response.h"

namespace hoego::http::internal {

// What the head of an answer says besides the response itself.
struct AnswerForm {
  bool close = false;
  bool http10 = false;
  bool chunked = false;   // no Content-Length; chunks follow
  std::string_view date;  // IMF-fixdate
  std::string_view request_id;
  std::string_view allow;  // empty: no such field
};

// Appends the status line and all fields, with the empty line. `length` is the body's.
void AppendAnswerHead(const Response& response, const AnswerForm& form, size_t length,
                      std::string& out);

inline bool HasBody(int status) {
  return status >= 200 && status != 204 && status != 304;
}

// True when Accept-Encoding takes gzip (RFC 9110 section 12.5.3; q=0 is no).
bool AcceptsGzip(std::string_view accept_encoding);

// Gzips a body that is large enough and of a kind that shrinks, and says so in the headers.
void CompressIfWorthwhile(Response& response);

// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string HttpDate(std::time_t seconds);

// 1..128 visible ASCII bytes.
bool IsGoodRequestId(std::string_view id);

}  // namespace hoego::http::internal
