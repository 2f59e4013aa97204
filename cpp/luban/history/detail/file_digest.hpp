#pragma once

#include <functional>
#include <luban/core/call_control.hpp>
#include <luban/core/error.hpp>
#include <luban/history/content.hpp>
#include <luban/history/detail/manifest.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <string>

namespace luban::history::detail {

/// Called with an object that cannot be read.
using DamageHandler = std::function<void(const std::string& object, const core::Error& error)>;

/// Content digest of what a file holds; reads and checks every byte of data. An unreadable object is given to
/// `on_damage` and enters the digest as unreadable. Without a handler the error is thrown.
[[nodiscard]] std::string file_digest(const TreeFile& file, const core::CallControl& control,
                                      const DamageHandler& on_damage = {});

/// Makes a content ready to be written: normalised, with uuid and time, as a tree with its `content_digest`, which is
/// returned.
std::string complete(Content& content, Tree& tree, const core::CallControl& control);

/// Read data as something that can be hashed and written.
[[nodiscard]] ColumnView view_of(const ColumnData& data);

}  // namespace luban::history::detail
