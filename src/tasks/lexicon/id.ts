import type { Lexicon } from '../concepts.ts';

/** Indonesian and Malay. */
export const id: Lexicon = {
  create:
    'buat, buatkan, buatlah, membuat, tulis, tuliskan, tulislah, menulis, bikin, bikinkan, hasilkan, kembangkan, mengembangkan, rancang, merancang, susun, bangun, membangun, ciptakan, butuh, generate kan',
  implement: 'implementasi*, terapkan, menerapkan, programkan, integrasikan, pasang',
  support: 'dukung*, mendukung, izinkan, aktifkan, sediakan',
  fix: 'perbaiki*, memperbaiki, perbaikan, betulkan, benerin, koreksi*, atasi, mengatasi, selesaikan masalah, selesaikan error, baiki',
  guard: 'hindari, cegah, mencegah, pastikan, tangani, menangani, abaikan',
  debug:
    'diagnosa, diagnosis, selidiki, cari kesalahan, cari error, cari bug, temukan bug, temukan kesalahan, apa yang salah, penyebab, lacak, apa masalahnya, kenapa error, mengapa error, menelusuri',
  restructure:
    'refaktor*, restrukturisasi, sederhanakan, menyederhanakan, rapikan, merapikan, bersihkan, membersihkan, ganti nama, ubah nama, ekstrak, pindahkan, memindahkan, pisahkan, memisahkan, pecah, bagi menjadi, satukan, gabungkan, tulis ulang, modernisasi, modularkan, lebih bersih, lebih rapi, lebih mudah dibaca, lebih ringkas, lebih sederhana, susun ulang, gunakan kembali, perbaiki struktur',
  optimise:
    'optimal*, optimasi*, optimasikan, mengoptimalkan, percepat, mempercepat, lebih cepat, lebih efisien, tingkatkan performa, tingkatkan kinerja, kurangi, mengurangi',
  remove: 'hapus*, menghapus, hilangkan, buang',
  update: 'perbarui, memperbarui, ubah, mengubah, tingkatkan, sesuaikan, ganti, perluas, kemas kini',
  use: 'gunakan, pakai, menggunakan, memakai',
  convert: 'konversi*, konversikan, ubah kode ini ke, terjemahkan kode, port kan',
  verify: 'verifikasi, pastikan bahwa, mencakup',
  run: 'jalankan, eksekusi',
  explain:
    'jelaskan, menjelaskan, jelasin, terangkan, penjelasan, uraikan, deskripsikan, gambarkan, apa yang dilakukan, bagaimana cara kerja, cara kerja, apa fungsi, apa arti, artinya, apa maksud, ajari, pahami, memahami, perbedaan, apa itu, apa beda',
  annotate:
    'dokumentasikan, beri komentar, tambahkan komentar, tulis komentar, tambah komentar, tulis dokumentasi, buat dokumentasi, buatkan dokumentasi, perbarui dokumentasi, buat readme, tulis readme, salah ketik',
  review:
    'tinjau*, meninjau, ulas, ulasan, evaluasi*, nilai kode, periksa kode, cek kode, periksa, audit, beri masukan, masukan, umpan balik, saran perbaikan, kritik, apakah ada masalah, koreksi kode, review, apa yang bisa diperbaiki, apa yang perlu diperbaiki, beri saran',
  find: 'cari*, temukan, carikan, identifikasi, daftar, hitung, menghitung, tampilkan, urutkan, mengurutkan, bandingkan, analisis, analisa, tentukan, kembalikan, mengembalikan, cetak, memeriksa apakah, diberikan',
  prose:
    'terjemahkan, ringkas*, rangkum*, sarankan, rekomendasi*, bayangkan, berperan, ceritakan, buat puisi, tulis puisi, buat cerita, tulis cerita, tulis surat, tulis esai, buatkan cerita, buat artikel, tulis artikel, beri ide, beri saran',
  code: 'kode, kode sumber, fungsi, metode, kelas, skrip, program, algoritma, modul, komponen, pustaka, aplikasi, situs web, halaman web, website, server, basis data, database, kueri, query, ekspresi reguler, larik, daftar tertaut, senarai, string, bilangan bulat, kamus, perulangan, rekursif, variabel, konstanta, antarmuka, struktur data, bot, pengurai, kompilator, fitur, kalkulator, pencarian biner, bilangan prima, palindrom, proyek, repositori, logika, endpoint, formulir, halaman login',
  part: 'parameter, opsi, argumen, properti, atribut, kolom, tombol, tabel, baris, berkas, file, jalur, folder, permintaan, respons, sesi, cache, log, peristiwa, tipe, objek, nilai, konfigurasi, pengaturan, gaya, tema, ikon, menu, pengguna, izin, validasi, tanggal, zona waktu, transaksi, dependensi, versi, perintah, layar',
  test: 'tes unit, unit tes, pengujian, pengujian unit, uji unit, tes, uji, ujian unit, pengujian integrasi, tes integrasi, uji coba, kasus uji, kasus pengujian, cakupan, cakupan tes, menguji, ujilah',
  doc: 'dokumentasi, komentar, panduan, tutorial, petunjuk, manual, contoh penggunaan, contoh, catatan rilis, readme, docstring, diagram, pesan commit',
  error:
    'kesalahan, galat, error, bug, pengecualian, gagal, crash, masalah, kebocoran memori, perulangan tak terbatas, peringatan, kendala, macet, eror',
  change: 'pull request, merge request, perubahan saya, perubahan ini, perubahan, commit, cabang, diff',
  quality:
    'keterbacaan, duplikasi, duplikat, kode mati, tidak terpakai, tidak digunakan, berlebihan, redundan, utang teknis, kompleksitas, bersarang, pola desain, kode bersih',
  speed: 'performa, kinerja, efisiensi, kecepatan, penggunaan memori, kompleksitas waktu, lambat, lemot',
  security: 'keamanan, kerentanan, celah keamanan, praktik terbaik, kualitas, potensi masalah, risiko',
  text: 'esai, puisi, cerita, cerpen, dongeng, surat, artikel, lagu, pidato, novel, slogan, paragraf, kalimat, kata, kata kata, sinonim, antonim, lelucon, teka teki, resep, naskah, foto, gambar, biografi, skripsi, pantun, surel, judul, teks, tata bahasa',
  life: 'cinta, pacar, istri, suami, ibu, ayah, anak, teman, keluarga, pernikahan, ulang tahun, perjalanan, liburan, wisata, hotel, restoran, makanan, sarapan, makan siang, makan malam, diet, olahraga, cuaca, matahari, bulan, bumi, kota, negara, ibu kota, ibukota, presiden, raja, perang, politik, hukum, pengacara, filsafat, psikologi, dokter, pasien, penyakit, gejala, kesehatan, tidur, anjing, kucing, hewan, tumbuhan, mobil, kilometer, jam, rupiah, ringgit, harga, uang, pajak, investasi, ekonomi, bisnis, perusahaan, pelanggan, penjualan, pemasaran, pekerjaan, wawancara, sekolah, siswa, guru, matematika, bahasa inggris, film, aktor, penyanyi, musik, sepak bola, pemain, karakter, kimia, fisika, biologi, sel, segitiga, peluang, seni, zodiak, hadiah, apel, berapa, abad, sejarah, tes darah, tes kehamilan, ujian',
  tech: 'pemrograman, perangkat lunak, pengembangan web, kompilasi, pembelajaran mesin, ngoding, koding',
  defect:
    'tidak berfungsi, tidak bekerja, tidak jalan, tidak bisa, tidak muncul, tidak tampil, nggak jalan, gak jalan, ga bisa, gak bisa, hilang, salah, tidak valid, rusak, gagal, mendapatkan error, muncul error, dapat error, tak berfungsi, tidak ditemukan',
  why: 'mengapa, kenapa',
  what: 'apakah, siapa, kapan, di mana, apa saja, apa itu',
  howto: 'bagaimana cara, bagaimana saya, cara membuat, cara, bagaimana, gimana',
  instead: 'alih alih, daripada, tanpa mengubah, menjadi fungsi, ke dalam fungsi, menjadi modul',
  fresh: 'baru, sederhana, dari awal, kustom',
  role: 'bertindak sebagai, anda adalah, kamu adalah, berperan sebagai, saya ingin anda bertindak sebagai',
  dev: 'programmer, pengembang, insinyur perangkat lunak, arsitek perangkat lunak',
  polite:
    'tolong, mohon, bisakah, bisa, dapatkah, bantu saya, bantu, bantuan, saya ingin, saya mau, saya perlu, aku mau, halo, terima kasih, sekarang, silakan, saya',
  stop: 'untuk, dari, di, ke, pada, dengan, tanpa, dalam, ketika, saat, setelah, sebelum, dan, atau, tetapi, tentang, antara, oleh, jika',
  that: 'yang menerima, yang mengembalikan, yang menghitung, yang memeriksa apakah, yang, agar, supaya',
  plain:
    'saya punya, semua, sebuah, seorang, kode pos, penanganan kesalahan, penanganan error, misalnya, ulasan film, resensi buku, kelas 5, kelas sosial, program tv',
  light: 'lakukan, berikan',
  meaning: 'apa yang dilakukan kode, apa fungsi kode, jelaskan kode, jelaskan kode ini, jelaskan fungsi ini',
  person: 'saya, aku, kamu, anda',
  order: 'klasifikasikan ini sebagai',
  deictic: 'ini, itu, berikut, di bawah',
  add: 'tambah, tambahkan, menambahkan',
  symptom: 'tidak muncul, tidak bisa dibuka, force close, tidak tampil',
};
