/** The trusted documents this page may ask for, by the digest of their files; the build puts the digests in. */
declare const __DOCUMENTS__: { offer: string; accept: string; decline: string }

export const documents = __DOCUMENTS__
