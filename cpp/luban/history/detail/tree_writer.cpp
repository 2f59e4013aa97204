#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <luban/parallel/arena.hpp>

namespace luban::history::detail {
namespace {

/// One dataset being written.
struct Target {
  const DatasetNode& node;
  std::size_t text_size;     // bytes of a fixed text; 0 = variable, or not a text
  std::size_t element_size;  // bytes of an element as stored
  std::size_t chunk;         // elements of a chunk
};

hid_t number_type(StoredKind kind) {
  if (kind == StoredKind::float64) return H5T_IEEE_F64LE;
  if (kind == StoredKind::float32) return H5T_IEEE_F32LE;
  return kind == StoredKind::int64 ? H5T_STD_I64LE : H5T_STD_I32LE;
}

Handle element_type(const Hdf5Lock&, const Target& target, const Hdf5Place& place) {
  const StoredKind stored = kind(target.node.data);
  const hid_t base = stored == StoredKind::text ? H5T_C_S1 : number_type(stored);
  Handle type(checked(H5Tcopy(base), "H5Tcopy", place), &H5Tclose);
  if (stored == StoredKind::text) {
    checked(H5Tset_size(type.id(), target.text_size == 0 ? H5T_VARIABLE : target.text_size), "H5Tset_size", place);
    checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), "H5Tset_cset", place);
    if (target.text_size != 0) checked(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "H5Tset_strpad", place);
  }
  return type;
}

// Links and attributes stay in the object's header, which has a checksum: the library's other form, a heap and a
// B-tree, is longer, and some releases crash on it when it is damaged.
constexpr unsigned always_compact = 65535;

Handle compact_properties(hid_t kind, const Hdf5Place& place) {
  Handle properties(checked(H5Pcreate(kind), "H5Pcreate", place), &H5Pclose);
  if (kind != H5P_DATASET_CREATE) {
    checked(H5Pset_link_phase_change(properties.id(), always_compact, 0), "H5Pset_link_phase_change", place);
  }
  checked(H5Pset_attr_phase_change(properties.id(), always_compact, 0), "H5Pset_attr_phase_change", place);
  return properties;
}

/// Names are UTF-8.
Handle link_properties(const Hdf5Place& place) {
  Handle properties(checked(H5Pcreate(H5P_LINK_CREATE), "H5Pcreate", place), &H5Pclose);
  checked(H5Pset_char_encoding(properties.id(), H5T_CSET_UTF8), "H5Pset_char_encoding", place);
  return properties;
}

Handle create_dataset(const Hdf5Lock& lock, hid_t file, const Target& target, int compression, const Hdf5Place& place) {
  const Handle type = element_type(lock, target, place);
  const hsize_t count = size(target.node.data);
  const Handle space(checked(H5Screate_simple(1, &count, nullptr), "H5Screate_simple", place), &H5Sclose);
  const Handle properties = compact_properties(H5P_DATASET_CREATE, place);
  const Handle link = link_properties(place);
  if (count > 0) {
    const hsize_t chunk = target.chunk;
    checked(H5Pset_chunk(properties.id(), 1, &chunk), "H5Pset_chunk", place);
    checked(H5Pset_shuffle(properties.id()), "H5Pset_shuffle", place);
    checked(H5Pset_deflate(properties.id(), static_cast<unsigned>(compression)), "H5Pset_deflate", place);
    checked(H5Pset_fletcher32(properties.id()), "H5Pset_fletcher32", place);
  }
  Handle dataset(checked(H5Dcreate2(file, target.node.path.c_str(), type.id(), space.id(), link.id(), properties.id(),
                                    H5P_DEFAULT),
                         "H5Dcreate2", place),
                 &H5Dclose);
  write_attributes(lock, dataset.id(), target.node.attributes, place);
  return dataset;
}

void write_variable_text(hid_t dataset, const ColumnView& view, const Hdf5Place& place) {
  std::vector<const char*> pointers(size(view));
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    const auto* plain = std::get_if<std::span<const std::string>>(&view);
    pointers[i] = plain != nullptr ? (*plain)[i].c_str() : std::get<IndexedText>(view).at(i).c_str();
  }
  const Handle type(checked(H5Dget_type(dataset), "H5Dget_type", place), &H5Tclose);
  checked(H5Dwrite(dataset, type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "H5Dwrite", place);
}

// Encodes a window of chunks in parallel without the lock, then hands them to the library in order.
void write_chunks(hid_t dataset, const Target& target, int compression, const Hdf5Place& place,
                  const core::CallControl& control) {
  constexpr std::size_t window = 16;
  const std::size_t count = size(target.node.data);
  const std::size_t chunks = (count + target.chunk - 1) / target.chunk;
  for (std::size_t first = 0; first < chunks; first += window) {
    control.check("history.write");
    std::vector<std::vector<std::byte>> stored(std::min(window, chunks - first));
    parallel::for_each_index(stored.size(), [&](std::size_t i) {
      const std::size_t begin = (first + i) * target.chunk;
      std::vector<std::byte> raw(target.chunk * target.element_size);  // the last chunk is padded with zeros
      pack(target.node.data, begin, std::min(count, begin + target.chunk), target.text_size, raw);
      stored[i] = encode_chunk(raw, target.element_size, compression);
    });
    const Hdf5Lock lock;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const hsize_t offset = (first + i) * target.chunk;
      checked(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, &offset, stored[i].size(), stored[i].data()), "H5Dwrite_chunk",
              place);
    }
  }
}

Target plan(const DatasetNode& node) {
  const StoredKind stored = kind(node.data);
  const std::size_t text_size = stored == StoredKind::text ? fixed_text_size(node.data) : 0;
  const std::size_t element_size =
      stored == StoredKind::text ? (text_size > 0 ? text_size : sizeof(char*)) : number_size(stored);
  // A chunk is at most 1 MiB and never longer than the column.
  const std::size_t chunk = std::max<std::size_t>(1, std::min(size(node.data), chunk_bytes / element_size));
  return {node, text_size, element_size, chunk};
}

void write_dataset(hid_t file, const std::string& path, const DatasetNode& node, int compression,
                   const core::CallControl& control) {
  const Target target = plan(node);
  const Hdf5Place place{"history.write", path, node.path, true};
  LockedHandle dataset;
  const bool variable = kind(node.data) == StoredKind::text && target.text_size == 0;
  {
    const Hdf5Lock lock;
    dataset.set(create_dataset(lock, file, target, compression, place));
    if (variable && size(node.data) > 0) write_variable_text(dataset.id(), node.data, place);
  }
  if (!variable) write_chunks(dataset.id(), target, compression, place, control);
  const Hdf5Lock lock;
  dataset.close(lock, "H5Dclose", place);
}

void write_group(const Hdf5Lock& lock, hid_t file, const std::string& path, const GroupNode& node) {
  const Hdf5Place place{"history.write", path, node.path, true};
  const Handle properties = compact_properties(H5P_GROUP_CREATE, place);
  const Handle link = link_properties(place);
  const hid_t id = node.path == "/" ? H5Gopen2(file, "/", H5P_DEFAULT)
                                    : H5Gcreate2(file, node.path.c_str(), link.id(), properties.id(), H5P_DEFAULT);
  const Handle group(checked(id, "H5Gcreate2", place), &H5Gclose);
  write_attributes(lock, group.id(), node.attributes, place);
}

}  // namespace

Handle access_properties(const Hdf5Lock&, bool in_memory) {
  static const std::string none;
  const Hdf5Place place{"history.open", none, none, true};
  Handle properties(checked(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate", place), &H5Pclose);
  // Version 1.10 objects: superblock, object headers and chunk indexes carry checksums.
  checked(H5Pset_libver_bounds(properties.id(), H5F_LIBVER_V110, H5F_LIBVER_LATEST), "H5Pset_libver_bounds", place);
#if H5_VERSION_GE(1, 10, 7)
  // A history is replaced by renaming, never changed in place: locks protect nothing and fail on some file systems.
  checked(H5Pset_file_locking(properties.id(), 0, 1), "H5Pset_file_locking", place);
#endif
  if (in_memory) checked(H5Pset_fapl_core(properties.id(), chunk_bytes, 0), "H5Pset_fapl_core", place);
  return properties;
}

void write_tree(hid_t file, const std::string& path, const Tree& tree, int compression,
                const core::CallControl& control) {
  {
    const Hdf5Lock lock;
    for (const auto& group : tree.groups) write_group(lock, file, path, group);
  }
  std::int64_t done = 0;
  for (const auto& node : tree.datasets) {
    control.check("history.write");
    write_dataset(file, path, node, compression, control);
    control.report({.phase = "write", .done = ++done, .total = static_cast<std::int64_t>(tree.datasets.size())});
  }
}

Handle creation_properties(const Hdf5Lock&) {
  static const std::string none;
  return compact_properties(H5P_FILE_CREATE, {"history.write", none, none, true});
}

void write_tree_file(const std::filesystem::path& path, const Tree& tree, int compression,
                     const core::CallControl& control) {
  const std::string name = path.string();
  const std::string object;
  const Hdf5Place place{"history.write", name, object, true};
  LockedHandle file;
  {
    const Hdf5Lock lock;
    const Handle create = creation_properties(lock);
    const Handle access = access_properties(lock, false);
    file.set(
        {checked(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, create.id(), access.id()), "H5Fcreate", place), &H5Fclose});
  }
  write_tree(file.id(), name, tree, compression, control);
  const Hdf5Lock lock;
  checked(H5Fflush(file.id(), H5F_SCOPE_LOCAL), "H5Fflush", place);
  file.close(lock, "H5Fclose", place);
}

}  // namespace luban::history::detail
