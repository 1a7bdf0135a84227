#include "api/http/request.h"

#include <algorithm>

#include "base/text.h"

namespace hoego::http {

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Request::header(std::string_view name) const {
  for (const HeaderField& field : headers) {
    if (EqualsIgnoringCase(field.name, name)) {
      return field.value;
    }
  }
  return {};
}

namespace {

// application/x-www-form-urlencoded: a plus is a space.
std::optional<std::string> FormDecode(std::string_view text) {
  if (text.find('+') == std::string_view::npos) {
    return PercentDecode(text);
  }
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return PercentDecode(spaced);
}

}  // namespace

std::optional<std::string> Request::query(std::string_view name) const {
  const size_t mark = target.find('?');
  if (mark == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view key = pair.substr(0, equals);
    if (key != name && FormDecode(key) != name) {
      continue;
    }
    return FormDecode(equals == pair.size() ? std::string_view() : pair.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace hoego::http
