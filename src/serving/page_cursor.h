#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "events/types.h"

namespace hoego::serving {

// How far one unit has paged through one endpoint's answers: the items she was shown, so that no
// later page holds one of them, whatever happened to the log, the model or the alias meanwhile. The
// server keeps nothing. Bytes: docs/formats/page_cursor.md.
struct PageCursor {
  static constexpr size_t kMaxShown =
      5'000;  // deeper pages are refused; such a cursor has about 10 kB

  std::vector<events::ItemKey> shown;  // ascending, each once

  // Text of [A-Za-z0-9_-], bound to the endpoint and the unit.
  std::string Encode(std::string_view endpoint, std::string_view unit) const;
  // InvalidArgument for damaged text, a newer format or a cursor of another endpoint or unit.
  static Result<PageCursor> Decode(std::string_view text, std::string_view endpoint,
                                   std::string_view unit);
  void Add(std::vector<events::ItemKey> items);
};

}  // namespace hoego::serving
