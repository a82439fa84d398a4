/// Which shards a configuration value means.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ctclip {

/// Expands, in this order, what a specification may hold:
///     a::b                    several specifications
///     shard-{000000..000314}  a numeric range, zeros kept; {a,b,c} alternatives; any number of both
///     shard-*.tar             a glob: * ? [...]
///     /data/shards            a folder: its *.tar files
/// Every range, glob and folder gives its shards sorted bytewise by name.
/// @throws Error kBadInput: a named shard does not exist, a pattern matches nothing, or a shard is named
/// twice (its
///         samples would count twice); kBadConfig: a malformed or enormous pattern.
std::vector<std::filesystem::path> resolve_shards(std::string_view specification);

/// The brace expansion alone: "a{1..2}b{x,y}" -> a1bx a1by a2bx a2by. @throws Error kBadConfig.
std::vector<std::string> expand_braces(std::string_view pattern);

}  // namespace ctclip
