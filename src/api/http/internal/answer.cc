#include "api/http/internal/answer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "api/http/request.h"
#include "api/http/status_map.h"
#include "base/line_reader.h"
#include "base/log.h"
#include "base/text.h"

namespace hoego::http::internal {
namespace {

constexpr size_t kGzipFrom = 1024;  // bytes: below, a head of 20 bytes and the CPU are not worth it

bool IsFieldName(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool IsFieldValue(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool IsServersOwn(std::string_view name) {
  constexpr std::array<std::string_view, 8> kOwn{
      "content-length", "transfer-encoding",      "connection",  "server", "date",
      "x-request-id",   "x-content-type-options", "content-type"};
  return std::any_of(kOwn.begin(), kOwn.end(),
                     [&](std::string_view own) { return EqualsIgnoringCase(own, name); });
}

void AppendNumber(size_t n, std::string& out) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  out.append(digits.data(), end);
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void AppendAnswerHead(const Response& response, const AnswerForm& form, size_t length,
                      std::string& out) {
  if (response.status == 200) {
    out.append("HTTP/1.1 200 OK\r\nServer: hoego\r\nX-Content-Type-Options: nosniff\r\nDate: ");
  } else {
    out.append("HTTP/1.1 ");
    AppendNumber(static_cast<size_t>(std::clamp(response.status, 100, 999)), out);
    out.append(" ").append(ReasonPhrase(response.status));
    out.append("\r\nServer: hoego\r\nX-Content-Type-Options: nosniff\r\nDate: ");
  }
  out.append(form.date).append("\r\nX-Request-ID: ").append(form.request_id).append("\r\n");
  if (!response.content_type.empty() && IsFieldValue(response.content_type)) {
    AppendField("Content-Type", response.content_type, out);
  }
  if (form.chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (HasBody(response.status)) {
    out.append("Content-Length: ");
    AppendNumber(length, out);
    out.append("\r\n");
  }
  if (!form.allow.empty()) {
    AppendField("Allow", form.allow, out);
  }
  for (const auto& [name, value] : response.headers) {
    if (IsServersOwn(name) || (!form.allow.empty() && EqualsIgnoringCase(name, "allow"))) {
      continue;
    }
    if (!IsFieldName(name) || !IsFieldValue(value)) {
      Log(LogLevel::kError, "http", "a response header was left out: it would break the head");
      continue;
    }
    AppendField(name, value, out);
  }
  if (form.close) {
    out.append("Connection: close\r\n");
  } else if (form.http10) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

bool AcceptsGzip(std::string_view accept_encoding) {
  bool any = false;
  for (const std::string_view item : Split(accept_encoding, ',')) {
    const auto parts = Split(item, ';');
    const std::string_view name = Trim(parts.front());
    const bool gzip = EqualsIgnoringCase(name, "gzip") || EqualsIgnoringCase(name, "x-gzip");
    if (!gzip && name != "*") {
      continue;
    }
    bool yes = true;
    for (size_t i = 1; i < parts.size(); ++i) {
      const std::string_view parameter = Trim(parts[i]);
      if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
        yes = ParseDouble(parameter.substr(2)).value_or(0) > 0;
      }
    }
    if (gzip) {
      return yes;
    }
    any = yes;
  }
  return any;
}

void CompressIfWorthwhile(Response& response) {
  if (response.body.size() <= kGzipFrom || !HasBody(response.status) || response.status == 206) {
    return;
  }
  const std::string_view type = response.content_type;
  if (!type.starts_with("text/") && type.find("json") == std::string_view::npos &&
      type.find("xml") == std::string_view::npos &&
      type.find("javascript") == std::string_view::npos) {
    return;
  }
  for (const auto& [name, value] : response.headers) {
    if (EqualsIgnoringCase(name, "content-encoding")) {
      return;
    }
  }
  std::string packed = GzipCompress(response.body);
  if (packed.size() >= response.body.size()) {
    return;
  }
  response.body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
  response.headers.emplace_back("Vary", "Accept-Encoding");
}

std::string HttpDate(std::time_t seconds) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm t{};
  gmtime_r(&seconds, &t);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<size_t>(t.tm_wday)],
                     t.tm_mday, kMonths[static_cast<size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour,
                     t.tm_min, t.tm_sec);
}

bool IsGoodRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace hoego::http::internal
