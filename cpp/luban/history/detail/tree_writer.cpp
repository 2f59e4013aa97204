#include <algorithm>
#include <cstring>
#include <iterator>
#include <luban/core/error.hpp>
#include <luban/history/detail/chunk_writer.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <luban/history/detail/write_driver.hpp>

namespace luban::history::detail {
namespace {

hid_t number_type(StoredKind kind) {
  if (kind == StoredKind::float64) return H5T_IEEE_F64LE;
  if (kind == StoredKind::float32) return H5T_IEEE_F32LE;
  return kind == StoredKind::int64 ? H5T_STD_I64LE : H5T_STD_I32LE;
}

Handle element_type(const Hdf5Lock&, const Target& target, const Hdf5Place& place) {
  const StoredKind stored = kind(target.node->data);
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
  // The same content is the same bytes, whenever it is written.
  checked(H5Pset_obj_track_times(properties.id(), false), "H5Pset_obj_track_times", place);
  return properties;
}

/// Names are UTF-8.
Handle link_properties(const Hdf5Place& place) {
  Handle properties(checked(H5Pcreate(H5P_LINK_CREATE), "H5Pcreate", place), &H5Pclose);
  checked(H5Pset_char_encoding(properties.id(), H5T_CSET_UTF8), "H5Pset_char_encoding", place);
  return properties;
}

/// The filters as the library knows them. Others than its own are optional, so that it creates the dataset without
/// their plugin; the chunks come encoded.
void set_filters(hid_t properties, const Target& target, const Hdf5Place& place) {
  for (const Filter& filter : target.pipeline) {
    const auto value = static_cast<unsigned>(target.level);
    switch (filter.id) {
      case FilterId::shuffle:
        checked(H5Pset_shuffle(properties), "H5Pset_shuffle", place);
        break;
      case FilterId::deflate:
        checked(H5Pset_deflate(properties, value), "H5Pset_deflate", place);
        break;
      case FilterId::fletcher32:
        checked(H5Pset_fletcher32(properties), "H5Pset_fletcher32", place);
        break;
      case FilterId::zstd:
        checked(H5Pset_filter(properties, static_cast<int>(filter.id), H5Z_FLAG_OPTIONAL, 1, &value), "H5Pset_filter",
                place);
        break;
      case FilterId::lz4:
        checked(H5Pset_filter(properties, static_cast<int>(filter.id), H5Z_FLAG_OPTIONAL, 0, nullptr), "H5Pset_filter",
                place);
        break;
    }
  }
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

Handle create_dataset(const Hdf5Lock& lock, hid_t file, const Target& target, const Hdf5Place& place) {
  const Handle type = element_type(lock, target, place);
  const hsize_t count = size(target.node->data);
  const Handle space(checked(H5Screate_simple(1, &count, nullptr), "H5Screate_simple", place), &H5Sclose);
  const Handle properties = compact_properties(H5P_DATASET_CREATE, place);
  const Handle link = link_properties(place);
  if (count > 0) {
    const hsize_t chunk = target.chunk;
    checked(H5Pset_chunk(properties.id(), 1, &chunk), "H5Pset_chunk", place);
    set_filters(properties.id(), target, place);
  }
  Handle dataset(checked(H5Dcreate2(file, target.node->path.c_str(), type.id(), space.id(), link.id(), properties.id(),
                                    H5P_DEFAULT),
                         "H5Dcreate2", place),
                 &H5Dclose);
  write_attributes(lock, dataset.id(), target.node->attributes, place);
  return dataset;
}

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

void write_tree(hid_t file, const std::string& path, const Tree& tree, const Compression& compression,
                const core::CallControl& control) {
  {
    const Hdf5Lock lock;
    for (const auto& group : tree.groups) write_group(lock, file, path, group);
  }
  std::vector<DatasetNode> own;
  std::copy_if(tree.datasets.begin(), tree.datasets.end(), std::back_inserter(own),
               [](const DatasetNode& node) { return node.same_as.empty(); });
  ChunkWriter(file, path, compression).write(own, control);
  const Hdf5Lock lock;
  for (const DatasetNode& node : tree.datasets) {
    if (node.same_as.empty()) continue;
    const Hdf5Place place{"history.write", path, node.path, true};
    const Handle link = link_properties(place);
    checked(H5Lcreate_hard(file, node.same_as.c_str(), file, node.path.c_str(), link.id(), H5P_DEFAULT),
            "H5Lcreate_hard", place);
  }
}

Handle creation_properties(const Hdf5Lock&) {
  static const std::string none;
  return compact_properties(H5P_FILE_CREATE, {"history.write", none, none, true});
}

namespace {

[[noreturn]] void refused(const std::string& path, int reason) {
  throw core::IoError({.where = "history.write",
                       .expected = "to write the history",
                       .received = std::strerror(reason),
                       .place = path,
                       .hint = "check free space and permissions; the file that was there before is untouched"});
}

}  // namespace

void write_tree_file(const std::filesystem::path& path, const Tree& tree, const Compression& compression,
                     const core::CallControl& control) {
  const std::string name = path.string();
  const std::string object;
  const Hdf5Place place{"history.write", name, object, true};
  WriteOutcome outcome;
  {
    LockedHandle file;
    {
      const Hdf5Lock lock;
      const Handle create = creation_properties(lock);
      const Handle access = access_properties(lock, false);
      set_write_driver(lock, access.id(), outcome, place);
      const hid_t made = H5Fcreate(name.c_str(), H5F_ACC_TRUNC, create.id(), access.id());
      if (outcome.error != 0) refused(name, outcome.error);
      file.set({checked(made, "H5Fcreate", place), &H5Fclose});
    }
    write_tree(file.id(), name, tree, compression, control);
    const Hdf5Lock lock;
    checked(H5Fflush(file.id(), H5F_SCOPE_LOCAL), "H5Fflush", place);
    file.close(lock, "H5Fclose", place);
  }
  if (outcome.error != 0) refused(name, outcome.error);
}

}  // namespace luban::history::detail
