#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <span>

#include "base/internal/utf8.h"

namespace hoego {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct Unit {
  std::string_view name;
  double factor;
};

// "1.5s" as 1.5 and the unit's factor; nothing when it is not a number from 0 and one of the units.
std::optional<double> ParseWithUnit(std::string_view text, std::span<const Unit> units) {
  text = Trim(text);
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = ParseDouble(text.substr(0, end));
  const std::string_view name = Trim(text.substr(end));
  for (const Unit& unit : units) {
    if (number && unit.name == name) {
      return *number * unit.factor;
    }
  }
  return std::nullopt;
}

// Edits between two names: insert, delete, change, swap neighbours (optimal string alignment).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::string Scaled(double value, double base, std::span<const std::string_view> units) {
  size_t unit = 0;
  // 0.95 of a step rounds up to "1.0" of the next unit, never "1024.0 KiB".
  while (unit + 1 < units.size() && std::abs(value) >= base - 0.05) {
    value /= base;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t end = text.find(separator); end != std::string_view::npos;
       end = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && IsBlank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::string ToLower(std::string_view ascii) {
  std::string lower(ascii);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return lower;
}

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

std::optional<double> ParseDouble(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good =
      error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  return good ? std::optional(value) : std::nullopt;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    // Eight ASCII bytes at once: nearly all text we see.
    uint64_t word = 0;
    if (text.size() >= sizeof(word)) {
      std::memcpy(&word, text.data(), sizeof(word));
      if ((word & 0x8080808080808080ULL) == 0) {
        text.remove_prefix(sizeof(word));
        continue;
      }
    }
    const size_t length = internal::Utf8Length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string Latin1ToUtf8(std::string_view latin1) {
  std::string utf8;
  utf8.reserve(latin1.size() + latin1.size() / 8);
  for (const char c : latin1) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xc0 | (code >> 6));
      utf8 += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  return utf8;
}

Result<int64_t> ParseDurationMs(std::string_view text) {
  constexpr std::array<Unit, 5> kUnits = {
      {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}}};
  const auto ms = Trim(text) == "0" ? std::optional(0.0) : ParseWithUnit(text, kUnits);
  if (!ms || *ms > 0x1p53) {
    return Status::InvalidArgument(
        fmt::format("duration \"{}\": expected a number and a unit of ms, s, m, h, d, such as 10ms",
                    text.substr(0, 40)));
  }
  return std::llround(*ms);
}

Result<uint64_t> ParseBytes(std::string_view text) {
  constexpr std::array<Unit, 10> kUnits = {{{"", 1},
                                            {"B", 1},
                                            {"kB", 1e3},
                                            {"MB", 1e6},
                                            {"GB", 1e9},
                                            {"TB", 1e12},
                                            {"KiB", 0x1p10},
                                            {"MiB", 0x1p20},
                                            {"GiB", 0x1p30},
                                            {"TiB", 0x1p40}}};
  const auto bytes = ParseWithUnit(text, kUnits);
  if (!bytes || *bytes > 0x1p53) {
    return Status::InvalidArgument(
        fmt::format("size \"{}\": expected a number and a unit of B, kB, MB, GB, TB, KiB, MiB, "
                    "GiB, TiB, such as 64MiB",
                    text.substr(0, 40)));
  }
  return static_cast<uint64_t>(std::llround(*bytes));
}

std::string HumanBytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  return bytes < 1024 ? fmt::format("{} B", bytes)
                      : Scaled(static_cast<double>(bytes) / 1024, 1024, kUnits);
}

std::string HumanCount(double n) {
  constexpr std::array<std::string_view, 4> kUnits = {"k", "M", "G", "T"};
  if (std::abs(n) >= 999.5) {
    return Scaled(n / 1000, 1000, kUnits);
  }
  return n == std::floor(n) ? fmt::format("{}", n) : fmt::format("{:.3g}", n);
}

std::optional<std::string> NearestName(std::string_view unknown,
                                       const std::vector<std::string>& known) {
  const size_t most = std::min<size_t>(3, unknown.size() / 2);
  const std::string* nearest = nullptr;
  size_t least = most + 1;
  for (const std::string& name : known) {
    const size_t longer = std::max(name.size(), unknown.size());
    const size_t shorter = std::min(name.size(), unknown.size());
    if (longer - shorter >= least) {
      continue;
    }
    if (const size_t distance = EditDistance(unknown, name); distance < least) {
      least = distance;
      nearest = &name;
    }
  }
  return nearest == nullptr ? std::nullopt : std::optional(*nearest);
}

std::string EscapeHtml(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
    } else {
      const auto code = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kHex[code >> 4];
      encoded += kHex[code & 15];
    }
  }
  return encoded;
}

Result<std::vector<std::string>> ParseCsvLine(std::string_view line, char separator) {
  std::vector<std::string> fields;
  size_t at = 0;
  for (;;) {
    std::string field;
    if (at < line.size() && line[at] == '"') {
      const size_t opened = at++;
      for (;; ++at) {
        const size_t quote = line.find('"', at);
        if (quote == std::string_view::npos) {
          return Status::InvalidArgument(
              fmt::format("column {}: the quote opened here is never closed", opened + 1));
        }
        field += line.substr(at, quote - at);
        at = quote + 1;
        if (at >= line.size() || line[at] != '"') {
          break;
        }
        field += '"';
      }
      if (at < line.size() && line[at] != separator) {
        return Status::InvalidArgument(fmt::format(
            "column {}: expected '{}' or the line's end after a closing quote", at + 1, separator));
      }
    } else {
      const size_t end = std::min(line.find(separator, at), line.size());
      field = line.substr(at, end - at);
      if (const size_t quote = field.find('"'); quote != std::string::npos) {
        return Status::InvalidArgument(fmt::format(
            "column {}: a quote inside an unquoted field; write the field as \"…\"\"…\"",
            at + quote + 1));
      }
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= line.size()) {
      return fields;
    }
    ++at;  // the separator
  }
}

}  // namespace hoego
