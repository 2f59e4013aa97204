#include <algorithm>
#include <cstring>
#include <luban/history/detail/chunk_writer.hpp>
#include <luban/parallel/arena.hpp>

namespace luban::history::detail {
namespace {

constexpr std::size_t window_bytes = 16 * chunk_bytes;
constexpr std::size_t window_items = 256;
/// Less than this is encoded sooner by one thread than others are woken.
constexpr std::size_t worth_waking = std::size_t{1} << 17;

bool variable_text(const Target& target) {
  return kind(target.node->data) == StoredKind::text && target.text_size == 0;
}

Target plan_one(const DatasetNode& node, const Compression& compression) {
  const StoredKind stored = kind(node.data);
  Target target;
  target.node = &node;
  target.text_size = stored == StoredKind::text ? fixed_text_size(node.data) : 0;
  target.element_size = stored == StoredKind::text ? sizeof(char*) : number_size(stored);
  if (stored == StoredKind::text && target.text_size > 0) target.element_size = target.text_size;
  // A chunk is at most 1 MiB and never longer than the column.
  target.chunk = std::max<std::size_t>(1, std::min(size(node.data), chunk_bytes / target.element_size));
  if (variable_text(target)) {
    // The library encodes these itself: with what it has, and without Fletcher-32, which it does not allow for them.
    // The zlib stream has a checksum of its own.
    target.pipeline = {{FilterId::shuffle, target.element_size}, {FilterId::deflate}};
    target.level = compression.codec == Codec::deflate ? compression.level : Compression{}.level;
  } else {
    target.pipeline = pipeline_of(compression, target.element_size);
    target.level = compression.level;
  }
  return target;
}

void write_variable_text(const Hdf5Lock&, hid_t dataset, const ColumnView& view, const Hdf5Place& place) {
  std::vector<const char*> pointers(size(view));
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    const auto* plain = std::get_if<std::span<const std::string>>(&view);
    pointers[i] = plain != nullptr ? (*plain)[i].c_str() : std::get<IndexedText>(view).at(i).c_str();
  }
  const Handle type(checked(H5Dget_type(dataset), "H5Dget_type", place), &H5Tclose);
  checked(H5Dwrite(dataset, type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "H5Dwrite", place);
}

}  // namespace

void ChunkWriter::plan(const std::vector<DatasetNode>& datasets) {
  std::size_t rows = 0;
  for (const DatasetNode& node : datasets) rows += size(node.data);
  targets_.resize(datasets.size());
  // Texts are looked through for the longest.
  parallel::for_each_index(
      datasets.size(), [&](std::size_t i) { targets_[i] = plan_one(datasets[i], compression_); },
      rows < worth_waking ? 1 : 0);
}

void ChunkWriter::fill(Window& window) {
  window.items.clear();
  window.raw_bytes = 0;
  while (next_target_ < targets_.size() && window.items.size() < window_items && window.raw_bytes < window_bytes) {
    const Target& target = targets_[next_target_];
    const std::size_t count = size(target.node->data);
    const bool whole = variable_text(target) || count == 0;
    const std::size_t end = whole ? count : std::min(count, next_row_ + target.chunk);
    window.items.push_back({&target, next_row_, end, next_row_ == 0, end == count});
    if (!whole) window.raw_bytes += target.chunk * target.element_size;
    next_row_ = end;
    if (end == count) {
      ++next_target_;
      next_row_ = 0;
    }
  }
  if (window.memory.size() < window.items.size()) window.memory.resize(window.items.size());
  window.stored.assign(window.items.size(), {});
}

void ChunkWriter::encode(Window& window, std::size_t i) const {
  thread_local Scratch packed;
  const Item& item = window.items[i];
  const Target& target = *item.target;
  if (variable_text(target) || item.begin == item.end) return;
  const std::size_t size = target.chunk * target.element_size;
  std::span<const std::byte> raw = in_memory(target.node->data, item.begin, item.end);
  if (raw.size() != size) {
    const std::span<std::byte> bytes = packed.get(size);
    const std::size_t used = (item.end - item.begin) * target.element_size;
    pack(target.node->data, item.begin, item.end, target.text_size, bytes.first(used));
    std::memset(bytes.data() + used, 0, size - used);  // the last chunk is padded with zeros
    raw = bytes;
  }
  window.stored[i] = encode_chunk(raw, target.pipeline, target.level, window.memory[i]);
}

void ChunkWriter::flush(Window& window) {
  const Hdf5Lock lock;
  for (std::size_t i = 0; i < window.items.size(); ++i) {
    const Item& item = window.items[i];
    const Hdf5Place place{"history.write", path_, item.target->node->path, true};
    if (item.first) open_.set(create_dataset(lock, file_, *item.target, place));
    if (variable_text(*item.target)) {
      if (item.begin < item.end) write_variable_text(lock, open_.id(), item.target->node->data, place);
    } else if (item.begin < item.end) {
      const hsize_t offset = item.begin;
      checked(H5Dwrite_chunk(open_.id(), H5P_DEFAULT, 0, &offset, window.stored[i].size(), window.stored[i].data()),
              "H5Dwrite_chunk", place);
    }
    if (item.last) {
      open_.close(lock, "H5Dclose", place);
      ++done_;
    }
  }
  window.items.clear();
}

void ChunkWriter::write(const std::vector<DatasetNode>& datasets, const core::CallControl& control) {
  plan(datasets);
  Window windows[2];
  Window* now = &windows[0];
  Window* before = &windows[1];
  const auto total = static_cast<std::int64_t>(datasets.size());
  do {
    control.check("history.write");
    fill(*now);
    parallel::for_each_index(
        now->items.size() + 1,
        [&](std::size_t i) {
          if (i == 0) {
            flush(*before);
          } else {
            encode(*now, i - 1);
          }
        },
        now->raw_bytes < worth_waking ? 1 : 0);
    control.report({.phase = "write", .done = done_, .total = total});
    std::swap(now, before);
  } while (!before->items.empty());
}

}  // namespace luban::history::detail
