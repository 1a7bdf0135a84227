#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hoego::http {

struct HeaderField {
  std::string_view name;   // as it was sent
  std::string_view value;  // without the spaces around it
};

// One request as a handler sees it. Every view, and the object itself, is valid until its answer
// was handed to Responder::Send or its Responder was destroyed: copy what must live longer.
//
// Threads: the object is not changed while it is out, so any thread may read it.
struct Request {
  std::string_view method;
  std::string_view target;  // as sent, with the query
  std::string_view path;    // percent-encoded, without the query
  std::string_view body;    // whole, already gunzipped
  std::string_view remote;  // the peer's address, without its port
  std::string request_id;   // X-Request-ID as sent when it is 1..128 visible ASCII bytes, else ours
  std::span<const HeaderField> headers;

  std::vector<std::string> params;  // what the pattern's {placeholders} matched, decoded, in order
  std::string_view route_label;     // the pattern; "(unmatched)" in a fallback
  std::string_view
      allow;  // in a fallback: empty for an unknown path (404), else "GET, HEAD, …" (405)

  // The first field of that name, compared without case; empty when there is none.
  std::string_view header(std::string_view name) const;
  // The first value of a query parameter, with %xx and + decoded; nothing when absent or malformed.
  std::optional<std::string> query(std::string_view name) const;
};

// True when equal but for the case of ASCII letters.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

}  // namespace hoego::http
