// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pictures as inputs. PNG and JPEG become 8-bit RGB; they are resized (bilinear, over all pixels that fall
// into one when shrinking), cut, scaled to 0..1, normalised, and laid out as the input wants. Orientation
// tags are not followed.
#include "Commands.h"

#include "weft/Support/File.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <jpeglib.h>
#include <png.h>

using namespace weft;
using namespace weft::driver;

namespace {

/// Rows of pixels, `channels` numbers each.
template <class T> struct Picture {
  int64_t width = 0, height = 0, channels = 3;
  std::vector<T> pixels;
};

constexpr int64_t maxPixels = int64_t(1) << 28;

Status checkSize(int64_t width, int64_t height) {
  if (width <= 0 || height <= 0 || width > maxPixels / height)
    return outOfRange("a picture of ", width, "x", height, " pixels, wanted at most ", maxPixels, " in all");
  return Status::ok();
}

Result<Picture<uint8_t>> decodePng(std::span<const std::byte> file) {
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  auto broken = [&] {
    std::string message = image.message;
    png_image_free(&image);
    return invalidArgument("found bytes that are no PNG picture: ", message);
  };
  if (!png_image_begin_read_from_memory(&image, file.data(), file.size()))
    return broken();
  if (Status status = checkSize(image.width, image.height); !status.isOk()) {
    png_image_free(&image);
    return status;
  }
  image.format = PNG_FORMAT_RGB;
  Picture<uint8_t> picture{image.width, image.height, 3, {}};
  picture.pixels.resize(PNG_IMAGE_SIZE(image));
  png_color white = {255, 255, 255}; // behind what is transparent
  if (!png_image_finish_read(&image, &white, picture.pixels.data(), 0, nullptr))
    return broken();
  return picture;
}

struct JpegError {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  static void exit(j_common_ptr info) {
    auto *self = reinterpret_cast<JpegError *>(info->err);
    info->err->format_message(info, self->message);
    std::longjmp(self->jump, 1);
  }
  /// Warnings (level -1) say that data is missing or damaged: the picture would be part guesswork.
  static void onMessage(j_common_ptr info, int level) {
    if (level < 0)
      exit(info);
  }
};

/// Fills `picture`; false after an error, whose text is in `error`. No object with a destructor lives here:
/// libjpeg leaves by longjmp.
bool decodeJpegInto(const unsigned char *bytes, size_t size, Picture<uint8_t> &picture, JpegError &error,
                    Status &refused) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&error.manager);
  error.manager.error_exit = JpegError::exit;
  error.manager.emit_message = JpegError::onMessage;
  if (setjmp(error.jump)) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes, size);
  jpeg_read_header(&info, TRUE);
  refused = checkSize(info.image_width, info.image_height);
  if (!refused.isOk()) {
    jpeg_destroy_decompress(&info);
    return true;
  }
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  picture.width = info.output_width;
  picture.height = info.output_height;
  picture.pixels.resize(size_t(picture.width) * size_t(picture.height) * 3);
  while (info.output_scanline < info.output_height) {
    unsigned char *row = picture.pixels.data() + size_t(info.output_scanline) * size_t(picture.width) * 3;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

Result<Picture<uint8_t>> decodeJpeg(std::span<const std::byte> file) {
  Picture<uint8_t> picture;
  JpegError error = {};
  Status refused;
  if (!decodeJpegInto(reinterpret_cast<const unsigned char *>(file.data()), file.size(), picture, error,
                      refused))
    return invalidArgument("found bytes that are no JPEG picture: ", error.message);
  WEFT_RETURN_IF_ERROR(refused);
  return picture;
}

Result<Picture<uint8_t>> decode(const std::string &file) {
  WEFT_ASSIGN_OR_RETURN(auto mapped, MappedFile::open(file));
  return (file.ends_with(".png") ? decodePng(mapped->bytes()) : decodeJpeg(mapped->bytes())).context(file);
}

/// To one channel (luminance as Rec. 601 weighs it) or three, scaled to 0..255 floats.
Picture<float> toChannels(const Picture<uint8_t> &from, int64_t channels) {
  Picture<float> to{from.width, from.height, channels, {}};
  to.pixels.resize(size_t(from.width * from.height * channels));
  for (int64_t i = 0; i < from.width * from.height; ++i) {
    const uint8_t *rgb = &from.pixels[size_t(i * 3)];
    if (channels == 1)
      to.pixels[size_t(i)] = float((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
    else
      for (int c = 0; c < 3; ++c)
        to.pixels[size_t(i * 3 + c)] = rgb[c];
  }
  return to;
}

/// Bilinear along one axis: weights fall linearly to 0 one target pixel away (one source pixel when
/// enlarging). `outer` x `size` x `inner` numbers become `outer` x `wanted` x `inner`.
std::vector<float> resizeAxis(const std::vector<float> &from, int64_t outer, int64_t size, int64_t inner,
                              int64_t wanted) {
  std::vector<float> to(size_t(outer * wanted * inner));
  double scale = double(size) / double(wanted), reach = std::max(scale, 1.0);
  std::vector<double> weights;
  for (int64_t i = 0; i < wanted; ++i) {
    double center = (double(i) + 0.5) * scale;
    int64_t low = std::max<int64_t>(0, int64_t(center - reach + 0.5));
    int64_t high = std::min<int64_t>(size, int64_t(center + reach + 0.5));
    weights.clear();
    double sum = 0;
    for (int64_t j = low; j < high; ++j) {
      weights.push_back(std::max(0.0, 1 - std::abs((double(j) + 0.5 - center) / reach)));
      sum += weights.back();
    }
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t k = 0; k < inner; ++k) {
        double value = 0;
        for (int64_t j = low; j < high; ++j)
          value += weights[size_t(j - low)] * from[size_t((o * size + j) * inner + k)];
        to[size_t((o * wanted + i) * inner + k)] = float(value / sum);
      }
  }
  return to;
}

void resize(Picture<float> &picture, int64_t width, int64_t height) {
  if (width != picture.width)
    picture.pixels = resizeAxis(picture.pixels, picture.height, picture.width, picture.channels, width);
  picture.width = width;
  if (height != picture.height)
    picture.pixels = resizeAxis(picture.pixels, 1, picture.height, picture.width * picture.channels, height);
  picture.height = height;
}

void crop(Picture<float> &picture, int64_t width, int64_t height) {
  int64_t left = (picture.width - width) / 2, top = (picture.height - height) / 2;
  std::vector<float> pixels;
  pixels.reserve(size_t(width * height * picture.channels));
  for (int64_t y = 0; y < height; ++y) {
    auto row = picture.pixels.begin() + ((top + y) * picture.width + left) * picture.channels;
    pixels.insert(pixels.end(), row, row + width * picture.channels);
  }
  picture = {width, height, picture.channels, std::move(pixels)};
}

/// "1" or ".485,.456,.406": one number for all channels, or one each.
Result<std::vector<double>> parseChannels(const std::string &text, int64_t channels, double otherwise,
                                          const char *flag) {
  if (text.empty())
    return std::vector<double>(size_t(channels), otherwise);
  std::vector<double> values;
  for (size_t at = 0; at <= text.size();) {
    size_t comma = std::min(text.find(',', at), text.size());
    std::string part = text.substr(at, comma - at);
    char *end = nullptr;
    values.push_back(std::strtod(part.c_str(), &end));
    if (part.empty() || *end != 0 || !std::isfinite(values.back()))
      return invalidArgument(flag, " '", text, "', wanted numbers separated by commas");
    at = comma + 1;
  }
  if (values.size() == 1)
    values.resize(size_t(channels), values[0]);
  if (int64_t(values.size()) != channels)
    return invalidArgument(flag, " has ", values.size(), " numbers, wanted 1 or ", channels,
                           ", one per channel");
  return values;
}

} // namespace

bool weft::driver::isImageFile(const std::string &file) {
  return file.ends_with(".png") || file.ends_with(".jpg") || file.ends_with(".jpeg");
}

Result<HostTensor> weft::driver::readImage(const std::string &file, const runtime::ValueInfo &wanted,
                                           const ImageFlags &flags) {
  auto refuse = [&](auto... why) {
    return invalidArgument(file, ": a picture does not fit input '", wanted.name, "' (", wanted.toString(),
                           "): ", why...);
  };
  size_t rank = wanted.dims.size();
  if (rank != 3 && rank != 4)
    return refuse("found rank ", rank, ", wanted 3 or 4");
  if (!isFloat(wanted.dtype) && wanted.dtype != DType::UI8)
    return refuse("found element type ", wanted.dtype, ", wanted a float or ui8");
  if (rank == 4 && wanted.dims[0] > 1)
    return refuse("found a batch of ", wanted.dims[0], ", wanted 1; several pictures go in as one .npy file");
  auto fits = [&](size_t d) { return wanted.dims[d] == 1 || wanted.dims[d] == 3; };
  size_t first = rank - 3;
  bool channelsLast = flags.layout == "nhwc" || (flags.layout.empty() && !fits(first) && fits(rank - 1));
  size_t channelDim = channelsLast ? rank - 1 : first;
  if (!fits(channelDim))
    return refuse("found ",
                  wanted.dims[channelDim] < 0 ? "an unknown number" : std::to_string(wanted.dims[channelDim]),
                  " of channels in dimension ", channelDim, ", wanted 1 or 3");
  size_t heightDim = channelsLast ? first : first + 1;
  int64_t channels = wanted.dims[channelDim], height = wanted.dims[heightDim],
          width = wanted.dims[heightDim + 1];

  WEFT_ASSIGN_OR_RETURN(Picture<uint8_t> decoded, decode(file));
  Picture<float> picture = toChannels(decoded, channels);
  // A dynamic extent takes what the picture has.
  bool isFree = height < 0 || width < 0;
  height = height < 0 ? picture.height : height;
  width = width < 0 ? picture.width : width;
  std::string done;
  auto scaleShortSide = [&](double scale, int64_t least) {
    resize(picture, std::max<int64_t>(least, std::llround(double(picture.width) * scale)),
           std::max<int64_t>(least, std::llround(double(picture.height) * scale)));
    done += concat("resized to ", picture.width, "x", picture.height, ", ");
  };
  if (flags.resize == "none" || (isFree && flags.resize == "crop")) {
    if (picture.width != width || picture.height != height)
      return refuse("found ", picture.width, "x", picture.height, " pixels (width x height), wanted ", width,
                    "x", height);
  } else if (flags.resize == "stretch") {
    resize(picture, width, height);
    done += concat("resized to ", width, "x", height, ", ");
  } else {
    if (flags.resize == "crop") {
      double scale = std::max(double(width) / double(picture.width), double(height) / double(picture.height));
      if (checkSize(std::llround(double(picture.width) * scale), std::llround(double(picture.height) * scale))
              .isOk() &&
          scale != 1)
        scaleShortSide(scale, 1);
    } else {
      char *end = nullptr;
      long side = std::strtol(flags.resize.c_str(), &end, 10);
      if (end == flags.resize.c_str() || *end != 0 || side < 1 || side > 65536)
        return invalidArgument("--resize '", flags.resize,
                               "', wanted crop, stretch, none or the short side's length");
      double scale = double(side) / double(std::min(picture.width, picture.height));
      WEFT_RETURN_IF_ERROR(checkSize(std::llround(double(picture.width) * scale),
                                     std::llround(double(picture.height) * scale)));
      scaleShortSide(scale, side);
      if (isFree) {
        height = picture.height;
        width = picture.width;
      }
    }
    if (picture.width < width || picture.height < height)
      return refuse("found ", picture.width, "x", picture.height, " pixels after resizing, wanted at least ",
                    width, "x", height);
    if (picture.width != width || picture.height != height) {
      crop(picture, width, height);
      done += concat("cut to the middle ", width, "x", height, ", ");
    }
  }

  bool isBytes = wanted.dtype == DType::UI8;
  if (isBytes && (!flags.mean.empty() || !flags.std.empty()))
    return refuse("--mean and --std are for floats, and it holds bytes");
  WEFT_ASSIGN_OR_RETURN(std::vector<double> mean, parseChannels(flags.mean, channels, 0, "--mean"));
  WEFT_ASSIGN_OR_RETURN(std::vector<double> std, parseChannels(flags.std, channels, 1, "--std"));
  if (std::find(std.begin(), std.end(), 0.0) != std.end())
    return invalidArgument("--std has a 0, wanted numbers to divide by");
  std::vector<int64_t> shape = wanted.dims;
  if (rank == 4)
    shape[0] = 1;
  shape[channelDim] = channels;
  shape[heightDim] = height;
  shape[heightDim + 1] = width;
  WEFT_ASSIGN_OR_RETURN(HostTensor tensor, HostTensor::zeros(wanted.dtype, shape));
  for (int64_t p = 0; p < width * height; ++p)
    for (int64_t c = 0; c < channels; ++c) {
      int64_t at = channelsLast ? p * channels + c : c * width * height + p;
      double value = double(picture.pixels[size_t(p * channels + c)]);
      if (isBytes)
        tensor.setInt(at, int64_t(std::lround(value)));
      else
        tensor.setDouble(at, (value / 255 - mean[size_t(c)]) / std[size_t(c)]);
    }
  if (flags.verbose)
    std::fprintf(stderr, "weft: %s: %lldx%lld pixels, %s%s%s%s%s; %s for input '%s'\n", file.c_str(),
                 (long long)decoded.width, (long long)decoded.height, done.c_str(),
                 channels == 1 ? "grey, " : "RGB, ", isBytes ? "0..255" : "scaled to 0..1",
                 flags.mean.empty() ? "" : (", minus " + flags.mean).c_str(),
                 flags.std.empty() ? "" : (", over " + flags.std).c_str(), channelsLast ? "NHWC" : "NCHW",
                 wanted.name.c_str());
  return tensor;
}
