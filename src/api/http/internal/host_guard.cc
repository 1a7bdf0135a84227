#include "api/http/internal/host_guard.h"

#include <algorithm>

#include "base/text.h"

namespace hoego::http::internal {
namespace {

bool IsHostByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool IsV6Byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
         c == '.';
}

// 127.0.0.0/8 as four decimal numbers.
bool IsLoopbackV4(std::string_view name) {
  if (!name.starts_with("127.")) {
    return false;
  }
  const auto parts = Split(name, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           const auto n = ParseInt(part);
           return n && *n >= 0 && *n <= 255;
         });
}

std::string_view PortOr(const Authority& authority, std::string_view fallback) {
  return authority.port.empty() ? fallback : authority.port;
}

}  // namespace

std::optional<Authority> ParseAuthority(std::string_view text) {
  Authority authority;
  std::string_view name;
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return std::nullopt;
    }
    name = text.substr(1, close - 1);
    rest = text.substr(close + 1);
    authority.is_v6 = true;
  } else {
    name = text.substr(0, text.find(':'));
    rest = text.substr(name.size());
  }
  if (!rest.empty()) {
    authority.port = rest.substr(1);
    const bool digits = std::all_of(authority.port.begin(), authority.port.end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
    if (rest.front() != ':' || !digits || authority.port.size() > 5) {
      return std::nullopt;
    }
  }
  if (name.ends_with('.') && !authority.is_v6) {
    name.remove_suffix(1);
  }
  const auto is_byte = authority.is_v6 ? IsV6Byte : IsHostByte;
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_byte)) {
    return std::nullopt;
  }
  authority.name = ToLower(name);
  return authority;
}

HostGuard::HostGuard(const ServerOptions& options) : address_(ToLower(options.address)) {
  for (const std::string& host : options.allowed_hosts) {
    any_ = any_ || host == "*";
    if (const auto authority = ParseAuthority(host)) {
      names_.insert(authority->name);
    }
  }
  for (const std::string& origin : options.allowed_origins) {
    origins_.insert(ToLower(origin));
  }
}

bool HostGuard::IsOurs(const Authority& authority, std::string_view local) const {
  const std::string& name = authority.name;
  if (authority.is_v6) {
    return name == "::1" || name == local || name == address_ || names_.count(name) > 0;
  }
  return name == "localhost" || IsLoopbackV4(name) || name == local || name == address_ ||
         names_.count(name) > 0;
}

std::optional<Refusal> HostGuard::CheckName(std::string_view text, std::string_view local) const {
  const std::optional<Authority> authority = ParseAuthority(text);
  if (!authority) {
    return Refusal{400, "the Host header is not a host name with an optional port"};
  }
  if (!any_ && !IsOurs(*authority, local)) {
    return Refusal{421, "this server does not answer for that host; see the allowed hosts"};
  }
  return std::nullopt;
}

std::optional<Refusal> HostGuard::CheckHost(const Head& head, std::string_view local) const {
  if (!head.authority.empty()) {  // RFC 9112 section 3.2.2: it goes before Host
    if (auto refusal = CheckName(head.authority, local)) {
      return refusal;
    }
  }
  if (!head.host) {
    return head.http10 ? std::nullopt : std::optional(Refusal{400, "the Host header is missing"});
  }
  return CheckName(*head.host, local);
}

std::optional<Refusal> HostGuard::CheckOrigin(const Head& head) const {
  if (!head.origin || head.method == "GET" || head.method == "HEAD" || head.method == "OPTIONS") {
    return std::nullopt;
  }
  const Refusal refusal{403, "a web page of another origin may not change anything here"};
  const std::string origin = ToLower(*head.origin);
  if (origins_.count(origin) > 0) {
    return std::nullopt;
  }
  const bool https = origin.starts_with("https://");
  if (!https && !origin.starts_with("http://")) {
    return refusal;
  }
  const std::string_view default_port = https ? "443" : "80";
  const auto theirs = ParseAuthority(std::string_view(origin).substr(https ? 8 : 7));
  const auto ours = ParseAuthority(head.host.value_or(std::string_view()));
  if (!theirs || !ours || theirs->name != ours->name ||
      PortOr(*theirs, default_port) != PortOr(*ours, default_port)) {
    return refusal;
  }
  return std::nullopt;
}

}  // namespace hoego::http::internal
