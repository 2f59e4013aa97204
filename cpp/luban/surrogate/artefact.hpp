#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <luban/core/json.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate {

/// A named array of an artefact, row-major, little-endian in the file.
struct LUBAN_SURROGATE_EXPORT Tensor {
  std::vector<std::int64_t> shape;
  std::variant<std::vector<double>, std::vector<float>, std::vector<std::int64_t>> values;  ///< F64, F32, I64
};

/// One model file in the safetensors format: arrays, and in the header's metadata one JSON text under "luban" with
/// everything else (kind, encoder, training envelope, calibration, card), and under "sha256" its seal. Never pickle.
struct LUBAN_SURROGATE_EXPORT Artefact {
  std::map<std::string, Tensor> tensors;
  core::Json metadata;

  /// SHA-256 of the file's bytes as written: the content address.
  [[nodiscard]] std::string digest() const;
  /// Writes as core::DurableFile, over a file of that name. @throws IoError.
  void save(const std::filesystem::path& path) const;
  /// @throws IoError when it cannot be read, IntegrityError when truncated, changed after writing or not such a file,
  /// VersionError when written by a newer format.
  [[nodiscard]] static Artefact load(const std::filesystem::path& path);
};

}  // namespace luban::surrogate
