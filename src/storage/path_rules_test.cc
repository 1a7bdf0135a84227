#include "storage/path_rules.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <string>

namespace hoego::storage {
namespace {

TEST(PathRulesTest, TakesOrdinaryNames) {
  for (const std::string path :
       {"a", "model/manifest.json", "a b/c+d;e#f?g=h&i'j@k,l!m$n[o]p~q", "모델/가중치.bin", "...",
        "..a", "a..", ".hidden", "a/.../b", "%2e%2e/%2fetc", "C:", "~root"}) {
    EXPECT_TRUE(CheckRelativePath(path).ok()) << path;
  }
  EXPECT_TRUE(CheckRelativePath(std::string(255, 'x')).ok());
}

TEST(PathRulesTest, RefusesEveryWayOutAndSaysWhy) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "empty"},
      {"/", "absolute"},
      {"/etc/passwd", "absolute"},
      {"//host/share", "absolute"},
      {"..", "\"..\""},
      {"../a", "\"..\""},
      {"a/../b", "\"..\""},
      {"a/..", "\"..\""},
      {"a/../../b", "\"..\""},
      {".", "\".\""},
      {"./a", "\".\""},
      {"a/./b", "\".\""},
      {"a//b", "empty component"},
      {"a/", "empty component"},
      {"a\\b", "backslash"},
      {"..\\..\\a", "backslash"},
      {"\\\\host\\share", "backslash"},
      {std::string("a\0b", 3), "control"},
      {std::string("\0", 1), "control"},
      {"a\nb", "control"},
      {"a\x7f", "control"},
      {"a\xff", "UTF-8"},
      {"\xc0\xae\xc0\xae/a", "UTF-8"},  // ".." in overlong form
      {"\xed\xa0\x80", "UTF-8"},        // a lone surrogate
      {std::string(256, 'x'), "255"},
      {"a/" + std::string(256, 'x'), "255"},
      {std::string(1025, 'x'), "1024"},
  };
  for (const auto& [path, why] : bad) {
    const Status status = CheckRelativePath(path);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << path;
    EXPECT_NE(status.message().find(why), std::string_view::npos) << status.ToString();
  }
}

// Whatever is let through stays below its folder in the eyes of the standard library, and is
// written in one way only.
RC_GTEST_PROP(PathRulesTest, WhatPassesStaysBelowItsFolder, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a", "..", ".", "", "/", "\\", "b", "c.txt", "%2e", "\x01", "é"));
  std::string path;
  for (const std::string& part : parts) {
    path += part + (*rc::gen::arbitrary<bool>() ? "/" : "");
  }
  if (!CheckRelativePath(path).ok()) {
    return;
  }
  const std::filesystem::path joined = std::filesystem::path("/root/folder") / path;
  RC_ASSERT(joined == joined.lexically_normal());
  RC_ASSERT(joined.string().starts_with("/root/folder/"));
  RC_ASSERT(joined.string() == "/root/folder/" + path);
}

}  // namespace
}  // namespace hoego::storage
