#include "api/http/router.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace hoego::http {
namespace {

constexpr size_t kMaxSegments = 32;  // of a path; deeper ones only match a {rest...}

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class V>
using TextMap = std::unordered_map<std::string, V, TextHash, std::equal_to<>>;

struct Route {
  RouteInfo info;
  Handler handler;
  size_t index;
};

// What happens at the end of a path: the routes by method, and the Allow header made of them.
struct Methods {
  std::vector<const Route*> routes;
  std::string allow;

  const Route* Find(std::string_view method) const {
    for (const Route* route : routes) {
      if (route->info.method == method) {
        return route;
      }
    }
    return nullptr;
  }
};

struct Node {
  TextMap<std::unique_ptr<Node>> literals;
  TextMap<std::unique_ptr<Node>> verbs;  // {x}:verb
  std::unique_ptr<Node> placeholder;     // {x}
  std::unique_ptr<Methods> here;         // the path ends at this node
  std::unique_ptr<Methods> rest;         // {x...}
};

std::string AllowOf(const Methods& methods) {
  std::vector<std::string> names{"OPTIONS"};
  for (const Route* route : methods.routes) {
    names.push_back(route->info.method);
    if (route->info.method == "GET") {
      names.emplace_back("HEAD");
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string allow;
  for (const std::string& name : names) {
    allow.append(allow.empty() ? "" : ", ").append(name);
  }
  return allow;
}

std::unique_ptr<Node>& ChildSlot(Node& node, std::string_view segment) {
  if (!segment.starts_with('{')) {
    HOEGO_CHECK(segment.find_first_of("{}") == std::string_view::npos);
    return node.literals[std::string(segment)];
  }
  const size_t close = segment.find('}');
  HOEGO_CHECK(close != std::string_view::npos && close > 1);
  const std::string_view after = segment.substr(close + 1);
  if (after.empty()) {
    return node.placeholder;
  }
  HOEGO_CHECK(after.size() > 1 && after.front() == ':');
  return node.verbs[std::string(after.substr(1))];
}

// Walks a path down the tree. Goes back where a more literal branch ends in nothing.
class Walk {
 public:
  Walk(std::string_view path, std::vector<std::string_view>& taken) : taken_(taken) {
    path.remove_prefix(1);
    while (count_ < kMaxSegments) {
      segments_[count_] = path.substr(0, path.find('/'));
      rests_[count_++] = path;
      if (segments_[count_ - 1].size() == path.size()) {
        complete_ = true;
        break;
      }
      path.remove_prefix(segments_[count_ - 1].size() + 1);
    }
  }

  const Methods* Down(const Node& node, size_t depth) {
    if (depth == count_ && complete_) {
      if (node.here != nullptr) {
        return node.here.get();
      }
    } else if (depth < count_) {
      if (const Methods* found = DownOne(node, depth)) {
        return found;
      }
    }
    if (node.rest != nullptr) {
      taken_.push_back(depth < count_ ? rests_[depth] : std::string_view());
      return node.rest.get();
    }
    return nullptr;
  }

 private:
  const Methods* DownOne(const Node& node, size_t depth) {
    const std::string_view segment = segments_[depth];
    if (const auto literal = node.literals.find(segment); literal != node.literals.end()) {
      if (const Methods* found = Down(*literal->second, depth + 1)) {
        return found;
      }
    }
    const size_t kept = taken_.size();
    const size_t colon = segment.rfind(':');
    if (colon != std::string_view::npos && colon > 0) {
      const auto verb = node.verbs.find(segment.substr(colon + 1));
      if (verb != node.verbs.end()) {
        taken_.push_back(segment.substr(0, colon));
        if (const Methods* found = Down(*verb->second, depth + 1)) {
          return found;
        }
        taken_.resize(kept);
      }
    }
    if (node.placeholder != nullptr && !segment.empty()) {
      taken_.push_back(segment);
      if (const Methods* found = Down(*node.placeholder, depth + 1)) {
        return found;
      }
      taken_.resize(kept);
    }
    return nullptr;
  }

  std::vector<std::string_view>& taken_;
  std::string_view segments_[kMaxSegments];
  std::string_view rests_[kMaxSegments];  // the path from that segment on
  size_t count_ = 0;
  bool complete_ = false;
};

bool HasDotSegment(std::string_view decoded) {
  for (size_t at = 0; (at = decoded.find("/.", at)) != std::string_view::npos; ++at) {
    const std::string_view tail = decoded.substr(at + 2);
    if (tail.empty() || tail.front() == '/' || tail == "." || tail.starts_with("./")) {
      return true;
    }
  }
  return false;
}

// Malformed escapes, NUL, and segments that a file system would climb by. Decoding is only paid for
// by paths that hold an escape.
bool IsBadPath(std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return true;
  }
  if (path.find('%') == std::string_view::npos) {
    return HasDotSegment(path);
  }
  const std::optional<std::string> decoded = PercentDecode(path);
  return !decoded || decoded->find('\0') != std::string::npos || HasDotSegment(*decoded);
}

void AnswerUnknown(const Request& request, Responder responder) {
  if (request.allow.empty()) {
    responder.Send(Status::NotFound("no such path"));
    return;
  }
  std::string detail = "this path answers ";
  responder.Send(Problem(405, Status::Unimplemented(detail.append(request.allow))));
}

}  // namespace

struct Router::Table {
  std::deque<Route> routes;  // addresses stay
  Node root;
  std::vector<std::pair<std::string, Handler>> fallbacks;  // longest prefix first
  Handler unknown = AnswerUnknown;
  Gate gate;

  const Handler& Fallback(std::string_view path) const {
    for (const auto& [prefix, handler] : fallbacks) {
      if (path.starts_with(prefix) &&
          (path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/')) {
        return handler;
      }
    }
    return unknown;
  }
};

Router::Router() : table_(std::make_shared<Table>()) {}

void Router::Add(std::string_view method, std::string_view pattern, Handler handler,
                 RouteOptions options) {
  HOEGO_CHECK(!method.empty() && pattern.starts_with('/') && handler != nullptr);
  table_->routes.push_back(Route{{std::string(method), std::string(pattern), options},
                                 std::move(handler),
                                 table_->routes.size()});
  Node* node = &table_->root;
  bool rest = false;
  for (const std::string_view segment : Split(pattern.substr(1), '/')) {
    HOEGO_CHECK(!rest);
    rest = segment.starts_with('{') && segment.ends_with("...}");
    if (!rest) {
      std::unique_ptr<Node>& child = ChildSlot(*node, segment);
      if (child == nullptr) {
        child = std::make_unique<Node>();
      }
      node = child.get();
    }
  }
  std::unique_ptr<Methods>& methods = rest ? node->rest : node->here;
  if (methods == nullptr) {
    methods = std::make_unique<Methods>();
  }
  HOEGO_CHECK(methods->Find(method) == nullptr);
  methods->routes.push_back(&table_->routes.back());
  methods->allow = AllowOf(*methods);
}

void Router::AddFallback(std::string_view prefix, Handler handler) {
  HOEGO_CHECK(prefix.starts_with('/') && handler != nullptr);
  auto& all = table_->fallbacks;
  const auto at = std::find_if(all.begin(), all.end(), [&](const auto& other) {
    return other.first.size() < prefix.size();
  });
  all.emplace(at, std::string(prefix), std::move(handler));
}

void Router::SetGate(Gate gate) {
  table_->gate = std::move(gate);
}

const Gate& Router::gate() const {
  return table_->gate;
}

std::vector<RouteInfo> Router::routes() const {
  std::vector<RouteInfo> all;
  for (const Route& route : table_->routes) {
    all.push_back(route.info);
  }
  return all;
}

Router::Match Router::Find(std::string_view method, std::string_view path,
                           std::vector<std::string>& params) const {
  Match match;
  params.clear();
  if (IsBadPath(path)) {
    match.bad_path = true;
    return match;
  }
  thread_local std::vector<std::string_view> taken;
  taken.clear();
  const Methods* methods = Walk(path, taken).Down(table_->root, 0);
  if (methods == nullptr) {
    match.handler = &table_->Fallback(path);
    return match;
  }
  match.allow = methods->allow;
  const Route* route = methods->Find(method);
  if (route == nullptr && method == "HEAD") {
    route = methods->Find("GET");
  }
  if (route == nullptr) {
    match.handler = method == "OPTIONS" ? nullptr : &table_->Fallback(path);
    return match;
  }
  match.route = &route->info;
  match.handler = &route->handler;
  match.index = route->index;
  for (const std::string_view text : taken) {
    params.push_back(text.find('%') == std::string_view::npos
                         ? std::string(text)
                         : PercentDecode(text).value_or(std::string()));
  }
  return match;
}

}  // namespace hoego::http
