/**
 * Which files are images, by their extension, and the MIME type said of them. The listing goes by this and never
 * opens a file; what is really in a file is for `image-header.ts` to read.
 */

const TYPE_OF_EXTENSION: ReadonlyMap<string, string> = new Map([
  ['apng', 'image/apng'],
  ['avif', 'image/avif'],
  ['bmp', 'image/bmp'],
  ['cur', 'image/x-icon'],
  ['dds', 'image/vnd-ms.dds'],
  ['gif', 'image/gif'],
  ['heic', 'image/heic'],
  ['heif', 'image/heif'],
  ['icns', 'image/icns'],
  ['ico', 'image/vnd.microsoft.icon'],
  ['jfif', 'image/jpeg'],
  ['jp2', 'image/jp2'],
  ['jpe', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['jpg', 'image/jpeg'],
  ['jxl', 'image/jxl'],
  ['pbm', 'image/x-portable-bitmap'],
  ['pgm', 'image/x-portable-graymap'],
  ['png', 'image/png'],
  ['pnm', 'image/x-portable-anymap'],
  ['ppm', 'image/x-portable-pixmap'],
  ['psd', 'image/vnd.adobe.photoshop'],
  ['svg', 'image/svg+xml'],
  ['tga', 'image/x-tga'],
  ['tif', 'image/tiff'],
  ['tiff', 'image/tiff'],
  ['webp', 'image/webp'],
]);

/** `application/octet-stream` for what is not an image. */
export function mimeTypeOf(name: string): string {
  return TYPE_OF_EXTENSION.get(extensionOf(name)) ?? 'application/octet-stream';
}

export function isImageName(name: string): boolean {
  return TYPE_OF_EXTENSION.has(extensionOf(name));
}

function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1).toLowerCase();
}
