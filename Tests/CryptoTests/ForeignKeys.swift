/// Keys that `openssl` has made for these tests and nothing else.
enum ForeignKeys {
  /// TEST 1 of RFC 8032, 7.1.
  static let ed25519 = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
    -----END PRIVATE KEY-----

    """

  /// Each with what a refusal must call it.
  static let others = [
    ("RSA", rsa), ("EC", ec), ("Ed448", ed448), ("X25519", x25519), ("EC", ecAlone),
  ]

  static let rsa = """
    -----BEGIN PRIVATE KEY-----
    MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEA1/tMUS/f7g8gynM4
    4/SGwse4fPTw0lxR8hJORHLvRW/Gj7LDHKkKtpt9thyj47qWYVNAq4L2eNbPnLAG
    kt9JSwIDAQABAkBDlDPK62nruPwPnIHegbJw28EUCCgaChzx21x1+mh3lvCohxiI
    rtGjCghnGoqidjneK9q/rte6QG0qdGw3o1AhAiEA7RYXYK5eJn2De8P49QXV9CKA
    +3Q/W+eReuv66eoGGhMCIQDpNjIUdSRWIVP9CbKa2slKE83weq7/8zg0a5NL5hn6
    6QIhAM+xfqFPn2MQqVKPB1V+20OXxm6CE88rOaL5f0HTpazJAiEAphz1VP8Pj84T
    fgRfVNAMWph6sxUf+63p1eTeOUzAKqkCIQCeAN+yJ7YAlBqOrKkq2KFVuu5yBKAx
    kgWONto+IzRXrw==
    -----END PRIVATE KEY-----

    """

  static let ec = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGvewQRr4k6FS9r/6
    wcl+eOC2/OMXf0A73i7uziauW7ihRANCAAT55vvyk8Rc4i+AuTZ49VXpOyqITMAI
    zILp57t5aXWTDKuxEU0q/1IAKb7T4RBZEtHAlmBCTG32IXfJ3ubWRKLw
    -----END PRIVATE KEY-----

    """

  static let ed448 = """
    -----BEGIN PRIVATE KEY-----
    MEcCAQAwBQYDK2VxBDsEOSLbvbTysy2m+dX4Et4063oq0lDrMlBNK/zeVFbNJqwI
    oKvjCSt9IUsrFqzHfQp9Js4i7cx/OUqCQA==
    -----END PRIVATE KEY-----

    """

  static let x25519 = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VuBCIEIBA/Pgscwy00ME5nUCcjMrzjXtKfTvH1qiK35k8BnX9w
    -----END PRIVATE KEY-----

    """

  static let ecAlone = """
    -----BEGIN EC PRIVATE KEY-----
    MHcCAQEEILLqtv+BW3J4xugKKNxpcApXCyznIZFvjdLR8BUbfvWxoAoGCCqGSM49
    AwEHoUQDQgAEeeimoWmH2HCVoqU+B0zNVKiIc5PbiW9FaQr5EPThmhUwmqMpC4C+
    P0HLBeumfgKpEm8oOXZpSsG/n05QeJSuzQ==
    -----END EC PRIVATE KEY-----

    """

  static let encrypted = """
    -----BEGIN ENCRYPTED PRIVATE KEY-----
    MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhQBrrP/+c+kgICCAAw
    DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEEns1UV155mXmZmMcu0H/jwEQAy0
    BLQSVNFz0gS3LhPXVclxbrb1YmLP8ClTUlFrbbN4kfHMPWw733t5SDfIFA1eyZAT
    rw1DvV4yp0CFd/Q2FWw=
    -----END ENCRYPTED PRIVATE KEY-----

    """

  static let encryptedAlone = """
    -----BEGIN RSA PRIVATE KEY-----
    Proc-Type: 4,ENCRYPTED
    DEK-Info: AES-128-CBC,F2533E33F210232599F17DD5CAD99463

    r93BXr4Lj3CEdskPDwHtHZSFiy3yEgxYRnF2ESJBRDqphpw5D3lMW+RqUYlA4yxT
    AzV9pPKxh3N0cyd1pW4P/Lih2Ty0evPjygTs7InDS89NuMdvMnHD/dZ0tCiBIp7B
    H+7/ZSRfeokTw6HGLzRBLJ8Tk+xZKjVMmfo6/lmKt0Mko1Ab4GUln+plmoO4GZPW
    n3WZyUpFOoEM9xT2nCNZzk822hMALdmgHDQS04q48quCjTRQnUdcZdzDduUc/cN9
    ucOmfJVeedWDGw+NddJh/qN+7hBO0bbwrmjBTS0PBj5njepyTufIxORMr53VkW34
    m3xS1oW4xtk6kHCpaAsD4lKJlTY2ym9WMWwmjPH/HjVxTjt/DvWsHIjCKNK+LP/r
    UIsS1RvlOELjfv7RHphd2AVtjgLLEtVPR3okFl8ybCY=
    -----END RSA PRIVATE KEY-----

    """

  static let publicKey = """
    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEARQ4C9GQldRYdf2uqNAOBbst7qyQvXv4vLrI0HkkdEV4=
    -----END PUBLIC KEY-----

    """

  static let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBNjCB6aADAgECAhQyImRmpW6gbmOXUfhdkLwQSb9CoDAFBgMrZXAwETEPMA0G
    A1UEAwwGd2FycmVuMB4XDTI2MTEyMTA4NTgwNFoXDTI2MTIyMTA4NTgwNFowETEP
    MA0GA1UEAwwGd2FycmVuMCowBQYDK2VwAyEAcr05UHvdge5jlAr1wqWnpPdNn1O8
    XbNf8oDAcjpdopyjUzBRMB0GA1UdDgQWBBRX58HhK1AtlQ2zIIRwk3G9Mrf1VjAf
    BgNVHSMEGDAWgBRX58HhK1AtlQ2zIIRwk3G9Mrf1VjAPBgNVHRMBAf8EBTADAQH/
    MAUGAytlcANBAEbxn94SNePFzkyohEyaTBsu3yz0zoZyeQVR59gg4d0MGy7X5dT0
    ltiUSWne6u6wn9Z/306UyjUylwY6a4rvVgc=
    -----END CERTIFICATE-----

    """
}
