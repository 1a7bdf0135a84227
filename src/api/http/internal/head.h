#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/request.h"

namespace hoego::http::internal {

// Why the server itself refuses a request.
struct Refusal {
  int status;
  std::string detail;
};

// Where a request head ends.
struct HeadScan {
  enum class Found { kMore, kEnd, kBroken };
  Found found = Found::kMore;
  size_t end = 0;             // of kEnd: bytes of the head with its empty line
  const char* why = nullptr;  // of kBroken
};

// Looks for the end of a head in `bytes`, from `scanned` on, which it moves: a slow head is read
// once. Every line must end in CRLF and none may start with a space (a bare LF or a folded line is
// how a request is smuggled past a proxy that reads it otherwise).
HeadScan ScanHead(std::string_view bytes, size_t& scanned);

// A head taken apart. Views lie in the block that was parsed.
struct Head {
  std::string_view method;
  std::string_view target;     // in origin form, or "*"
  std::string_view authority;  // of an absolute-form target, else empty
  bool http10 = false;
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  std::optional<uint64_t> content_length;
  std::optional<std::string_view> host;
  std::optional<std::string_view> origin;
  std::string_view accept_encoding;
  std::string_view content_encoding;
  std::string_view request_id;
  std::vector<HeaderField> fields;
};

// Parses a whole head (up to and with its empty line) as RFC 9112 wants it, strictly. After a
// refusal the connection's framing cannot be trusted: answer and close.
std::optional<Refusal> ParseHead(std::string_view block, size_t max_fields, Head& head);

}  // namespace hoego::http::internal
