#include "api/http/status_map.h"

#include <array>
#include <utility>

namespace hoego::http {
namespace {

// 499 is the usual word for "the client left"; it is written to logs and metrics, never to a
// client.
constexpr std::array<StatusMapping, 17> kTable{{
    {Code::kOk, 200, LogLevel::kDebug},
    {Code::kCancelled, 499, LogLevel::kDebug},
    {Code::kUnknown, 500, LogLevel::kError},
    {Code::kInvalidArgument, 400, LogLevel::kDebug},
    {Code::kDeadlineExceeded, 504, LogLevel::kWarning},
    {Code::kNotFound, 404, LogLevel::kDebug},
    {Code::kAlreadyExists, 409, LogLevel::kDebug},
    {Code::kPermissionDenied, 403, LogLevel::kInfo},
    {Code::kResourceExhausted, 429, LogLevel::kWarning},
    {Code::kFailedPrecondition, 409, LogLevel::kDebug},
    {Code::kAborted, 409, LogLevel::kDebug},
    {Code::kOutOfRange, 400, LogLevel::kDebug},
    {Code::kUnimplemented, 501, LogLevel::kInfo},
    {Code::kInternal, 500, LogLevel::kError},
    {Code::kUnavailable, 503, LogLevel::kWarning},
    {Code::kDataLoss, 500, LogLevel::kError},
    {Code::kUnauthenticated, 401, LogLevel::kInfo},
}};

constexpr bool InEnumOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<size_t>(kTable[i].code) != i) {
      return false;
    }
  }
  return true;
}
static_assert(InEnumOrder(), "row i maps code i");

constexpr std::array<std::pair<int, std::string_view>, 42> kPhrases{{
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

}  // namespace

const StatusMapping& MapStatus(Code code) {
  const auto i = static_cast<size_t>(code);
  return i < kTable.size() ? kTable[i] : kTable[static_cast<size_t>(Code::kUnknown)];
}

Code CodeOfHttpStatus(int http) {
  switch (http) {
    case 400:
    case 413:
    case 415:
    case 422:
    case 431:
      return Code::kInvalidArgument;
    case 401:
      return Code::kUnauthenticated;
    case 403:
    case 421:
      return Code::kPermissionDenied;
    case 404:
    case 410:
      return Code::kNotFound;
    case 408:
    case 504:
      return Code::kDeadlineExceeded;
    case 409:
      return Code::kAborted;
    case 412:
    case 428:
      return Code::kFailedPrecondition;
    case 429:
      return Code::kResourceExhausted;
    case 499:
      return Code::kCancelled;
    case 405:
    case 501:
      return Code::kUnimplemented;
    case 502:
    case 503:
      return Code::kUnavailable;
    default:
      return http >= 200 && http < 400   ? Code::kOk
             : http >= 400 && http < 500 ? Code::kInvalidArgument
             : http >= 500 && http < 600 ? Code::kInternal
                                         : Code::kUnknown;
  }
}

std::string_view ReasonPhrase(int http) {
  size_t low = 0;
  size_t high = kPhrases.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (kPhrases[middle].first < http) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low < kPhrases.size() && kPhrases[low].first == http) {
    return kPhrases[low].second;
  }
  return http < 200   ? "Informational"
         : http < 300 ? "OK"
         : http < 400 ? "Redirect"
         : http < 500 ? "Client Error"
                      : "Server Error";
}

}  // namespace hoego::http
