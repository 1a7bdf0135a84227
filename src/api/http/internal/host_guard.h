#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "api/http/internal/head.h"
#include "api/http/server.h"

namespace hoego::http::internal {

// "host:port" taken apart; the name in lower case without brackets and final dot. Nothing when
// malformed.
struct Authority {
  std::string name;
  std::string_view port;  // digits, may be empty
  bool is_v6 = false;
};
std::optional<Authority> ParseAuthority(std::string_view text);

// Keeps foreign web pages out of a server on loopback: a page that rebinds its own name to our
// address still sends its name as Host, and a page that posts across origins still sends its
// Origin.
//
// Threads: any. Cost: some string compares; callers keep the last Host that passed.
class HostGuard {
 public:
  explicit HostGuard(const ServerOptions& options);

  // `local` is the address the client connected to. 400 for a missing or malformed Host, 421 for a
  // name that is not ours.
  std::optional<Refusal> CheckHost(const Head& head, std::string_view local) const;
  // 403 when a state-changing method comes from another origin.
  std::optional<Refusal> CheckOrigin(const Head& head) const;

 private:
  std::optional<Refusal> CheckName(std::string_view text, std::string_view local) const;
  bool IsOurs(const Authority& authority, std::string_view local) const;

  bool any_ = false;
  std::string address_;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> origins_;
};

}  // namespace hoego::http::internal
