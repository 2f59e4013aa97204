#include <algorithm>
#include <atomic>
#include <cstring>
#include <luban/history/detail/manifest.hpp>
#include <luban/history/detail/read_back.hpp>
#include <luban/parallel/arena.hpp>
#include <mutex>

namespace luban::history::detail {
namespace {

constexpr std::size_t window_bytes = 2 * chunk_bytes;

/// Rows of one dataset.
struct Window {
  const DatasetNode* node;
  const DatasetInfo* info;
  std::size_t begin;
  std::size_t end;
};

/// Everything but the elements.
bool same_objects(const TreeFile& file, const Tree& tree) {
  if (file.groups().size() != tree.groups.size() || file.datasets().size() != tree.datasets.size()) return false;
  const auto same_group = [&file](const GroupNode& node) {
    const auto found = file.groups().find(node.path);
    return found != file.groups().end() &&
           group_lines(node.path, found->second) == group_lines(node.path, node.attributes);
  };
  const auto same_dataset = [&file](const DatasetNode& node) {
    const auto found = file.datasets().find(node.path);
    if (found == file.datasets().end()) return false;
    const DatasetInfo& info = found->second;
    return dataset_lines(node.path, info.kind, info.count, {}, info.attributes) ==
           dataset_lines(node.path, kind(node.data), size(node.data), {}, node.attributes);
  };
  return std::all_of(tree.groups.begin(), tree.groups.end(), same_group) &&
         std::all_of(tree.datasets.begin(), tree.datasets.end(), same_dataset);
}

/// Whole chunks, about 2 MiB of them.
std::vector<Window> windows_of(const TreeFile& file, const Tree& tree) {
  std::vector<Window> windows;
  for (const DatasetNode& node : tree.datasets) {
    if (!node.same_as.empty()) continue;  // the other name says the same
    const DatasetInfo& info = file.info(node.path);
    file.require_readable(node.path);
    const std::size_t chunk = std::max<std::size_t>(1, info.chunk);
    const std::size_t wanted = info.element_size == 0 ? block_rows : window_bytes / info.element_size;
    const std::size_t rows = std::max(chunk, wanted / chunk * chunk);
    for (std::size_t begin = 0; begin < info.count; begin += rows) {
      windows.push_back({&node, &info, begin, std::min(info.count, begin + rows)});
    }
  }
  return windows;
}

/// Row `row` of a column of texts.
const std::string& text_at(const ColumnView& view, std::size_t row) {
  const auto* plain = std::get_if<std::span<const std::string>>(&view);
  return plain != nullptr ? (*plain)[row] : std::get<IndexedText>(view).at(row);
}

bool same_variable_texts(const TreeFile& file, const Window& window) {
  const ColumnData data = file.read(window.node->path, window.begin, window.end);
  const auto& texts = std::get<std::vector<std::string>>(data);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i] != text_at(window.node->data, window.begin + i)) return false;
  }
  return true;
}

/// Texts of one length, filled up with zeros.
bool same_fixed_texts(std::span<const std::byte> stored, const Window& window) {
  const std::size_t length = window.info->element_size;
  for (std::size_t row = window.begin; row < window.end; ++row, stored = stored.subspan(length)) {
    const std::string& text = text_at(window.node->data, row);
    if (text.size() > length || std::memcmp(stored.data(), text.data(), text.size()) != 0) return false;
    const auto rest = stored.first(length).subspan(text.size());
    if (std::any_of(rest.begin(), rest.end(), [](std::byte byte) { return byte != std::byte{0}; })) return false;
  }
  return true;
}

bool same_rows(const TreeFile& file, const Window& window) {
  // Not kept by the thread: while it waits for others to decode chunks it may take up another window.
  Scratch read;
  Scratch packed;
  const DatasetInfo& info = *window.info;
  if (info.element_size == 0) return same_variable_texts(file, window);
  const std::size_t size = (window.end - window.begin) * info.element_size;
  const std::span<std::byte> stored = read.get(size);
  file.read_into(window.node->path, window.begin, window.end, stored);
  if (info.kind == StoredKind::text) return same_fixed_texts(stored, window);
  std::span<const std::byte> held = in_memory(window.node->data, window.begin, window.end);
  if (held.size() != size) {
    const std::span<std::byte> made = packed.get(size);
    pack(window.node->data, window.begin, window.end, 0, made);
    held = made;
  }
  return std::memcmp(stored.data(), held.data(), size) == 0;
}

}  // namespace

bool holds(const TreeFile& file, const Tree& tree, const std::function<void()>& beside,
           const core::CallControl& control) {
  if (!same_objects(file, tree)) return false;
  const std::vector<Window> windows = windows_of(file, tree);
  std::size_t elements = 0;
  for (const Window& window : windows) elements += window.end - window.begin;
  std::atomic<bool> same = true;
  std::mutex reporting;
  std::int64_t done = 0;
  const auto total = static_cast<std::int64_t>(windows.size());
  parallel::for_each_index(
      windows.size() + 1,
      [&](std::size_t i) {
        if (i == 0) {
          beside();
          return;
        }
        control.check("history.verify");
        if (same && !same_rows(file, windows[i - 1])) same = false;
        const std::lock_guard one_at_a_time(reporting);
        control.report({.phase = "verify", .done = ++done, .total = total});
      },
      elements < worth_threads ? 1 : 0);
  return same;
}

}  // namespace luban::history::detail
