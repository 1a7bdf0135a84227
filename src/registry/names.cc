#include "registry/names.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace hoego::registry {
namespace {

constexpr size_t kMaxNameBytes = 250;
constexpr size_t kMaxSourceBytes = 1024;
constexpr size_t kDigestDigits = 64;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsHex(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool HasEscape(std::string_view text) {
  for (size_t i = 0; i + 2 < text.size(); ++i) {
    if (text[i] == '%' && IsHex(text[i + 1]) && IsHex(text[i + 2])) {
      return true;
    }
  }
  return false;
}

// Safe to show: cut, and only with printable ASCII.
std::string Shown(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, 60)) {
    shown += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return shown;
}

Status Bad(std::string_view what, std::string_view text, std::string_view fault,
           std::string_view expected) {
  return Status::InvalidArgument(
      fmt::format("{} \"{}\" {}, expected {}", what, Shown(text), fault, expected));
}

std::string_view NameFault(std::string_view name) {
  if (name.empty()) {
    return "is empty";
  }
  if (name.size() > kMaxNameBytes) {
    return "is longer than 250 bytes";
  }
  if (!IsValidUtf8(name)) {
    return "is not valid UTF-8";
  }
  if (std::any_of(name.begin(), name.end(), IsControl)) {
    return "holds a control character";
  }
  return {};
}

// A decoded form of a source that would leave its place.
bool Escapes(std::string_view source) {
  if (source.starts_with('/') || source.starts_with('~') ||
      ToLower(source.substr(0, 5)) == "file:" || source.find('\\') != std::string_view::npos ||
      std::any_of(source.begin(), source.end(), IsControl)) {
    return true;
  }
  const auto components = Split(source, '/');
  return std::find(components.begin(), components.end(), "..") != components.end();
}

}  // namespace

Status CheckModelName(std::string_view name) {
  std::string_view fault = NameFault(name);
  if (fault.empty() && name.find_first_of("@/:\\") != std::string_view::npos) {
    fault = "holds one of @ / : \\";
  }
  if (fault.empty() && HasEscape(name)) {
    fault = "holds a percent escape";
  }
  if (fault.empty() && (name == "." || name == "..")) {
    fault = "is a path";
  }
  return fault.empty() ? Status{} : Bad("model name", name, fault, "a name such as films");
}

Status CheckAliasName(std::string_view alias) {
  std::string_view fault = NameFault(alias);
  const auto plain = [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '_' || c == '-' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  if (fault.empty() && !std::all_of(alias.begin(), alias.end(), plain)) {
    fault = "holds something else than letters, digits, _ and -";
  }
  const std::string lower = ToLower(alias);
  if (fault.empty() &&
      (lower == "latest" || (lower.size() > 1 && lower[0] == 'v' &&
                             std::all_of(lower.begin() + 1, lower.end(), IsDigit)))) {
    fault = "is reserved";
  }
  return fault.empty() ? Status{} : Bad("alias", alias, fault, "a name such as champion");
}

Status CheckSource(std::string_view source) {
  constexpr std::string_view kExpected =
      "\"blob:\" with a digest or a path of a run such as runs:/ID/model";
  if (source.size() > kMaxSourceBytes || !IsValidUtf8(source)) {
    return Bad("source", source, "is not UTF-8 of at most 1024 bytes", kExpected);
  }
  if (source.starts_with("blob:")) {
    const std::string_view digest = source.substr(5);
    const bool fine =
        digest.size() == kDigestDigits && std::all_of(digest.begin(), digest.end(), IsHex);
    return fine ? Status{} : Bad("source", source, "is no digest", kExpected);
  }
  std::string decoded(source);
  while (!Escapes(decoded)) {
    auto next = PercentDecode(decoded);
    if (!next || *next == decoded) {
      return {};
    }
    decoded = std::move(*next);  // shorter each time
  }
  return Bad("source", source, "leads out of the store", kExpected);
}

Status CheckText(std::string_view what, std::string_view text, size_t most_chars) {
  if (!IsValidUtf8(text) || text.find('\0') != std::string_view::npos) {
    return Status::InvalidArgument(fmt::format("{}: expected UTF-8 text without NUL", what));
  }
  const auto chars = static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
  if (chars > most_chars) {
    return Status::InvalidArgument(
        fmt::format("{}: {} characters, expected at most {}", what, chars, most_chars));
  }
  return {};
}

}  // namespace hoego::registry
