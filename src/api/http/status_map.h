#pragma once

#include <string_view>

#include "base/log.h"
#include "base/status.h"

namespace hoego::http {

// What a Code becomes at the edge. gRPC's code is the number of the enumerator itself.
struct StatusMapping {
  Code code;
  int http;
  LogLevel level;  // how loud an answer with this code is logged
};

// Total over Code; a code that does not exist is answered as kUnknown.
const StatusMapping& MapStatus(Code code);
inline int HttpStatusOf(Code code) {
  return MapStatus(code).http;
}

// The code that a client makes of an HTTP status: the inverse where it is unique, else the nearest.
Code CodeOfHttpStatus(int http);

// RFC 9110's phrase: 404 → "Not Found". A status without one gets its class's: 299 → "OK".
std::string_view ReasonPhrase(int http);

}  // namespace hoego::http
