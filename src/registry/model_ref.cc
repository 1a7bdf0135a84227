#include <charconv>

#include "registry/names.h"
#include "registry/registry.h"

namespace hoego::registry {
namespace {

// Decimal, from 1, written in the one usual way.
std::optional<uint32_t> VersionNumber(std::string_view digits) {
  uint32_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || at != end || number == 0 || digits.front() == '0') {
    return std::nullopt;
  }
  return number;
}

}  // namespace

Result<ModelRef> ModelRef::Parse(std::string_view text) {
  ModelRef ref;
  const size_t mark = text.find_first_of("/@");
  ref.model = text.substr(0, mark);
  HOEGO_TRY(CheckModelName(ref.model));
  if (mark == std::string_view::npos) {
    return ref;
  }
  const std::string_view rest = text.substr(mark + 1);
  if (text[mark] == '@') {
    HOEGO_TRY(CheckAliasName(rest));
    ref.alias = rest;
    return ref;
  }
  ref.version = VersionNumber(rest);
  if (!ref.version) {
    return Status::InvalidArgument(fmt::format(
        "model reference to {}: expected a version from 1 after the slash, such as films/2",
        ref.model));
  }
  return ref;
}

std::string ModelRef::ToString() const {
  if (version) {
    return fmt::format("{}/{}", model, *version);
  }
  return alias ? fmt::format("{}@{}", model, *alias) : model;
}

}  // namespace hoego::registry
