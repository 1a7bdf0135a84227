#include "events/types.h"

#include <charconv>

namespace hoego::events {

std::string Cut::ToString() const {
  return fmt::format("0-{}", offset);
}

Result<Cut> Cut::Parse(std::string_view text) {
  Cut cut;
  const char* const end = text.data() + text.size();
  if (text.starts_with("0-") && text.size() > 2) {
    const auto [stop, ec] = std::from_chars(text.data() + 2, end, cut.offset);
    if (ec == std::errc() && stop == end) {
      return cut;
    }
  }
  return Status::InvalidArgument("cut: expected \"0-<offset>\", as the log gave it");
}

}  // namespace hoego::events
